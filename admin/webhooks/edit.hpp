#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "admin/webhooks/webhooks.hpp"

namespace membridge::admin {

/// The wanted values of a webhook that does not lead to this bridge. Absent values stay as they are.
struct WebhookWish {
  std::optional<std::string> name;
  std::optional<std::string> url;  ///< may contain a secret of its receiver, so it is never logged and never shown again
  std::optional<std::vector<std::string>> events;
};

/// Why a wish was refused, by field (`name`, `url`, `events`): a sentence from the bridge or from Mem0.
using FieldProblems = std::map<std::string, std::string>;

/// Returns the problems of a wish that can be found without asking Mem0; empty when it may be sent. `creating`: all fields are
/// required.
FieldProblems ProblemsWith(const WebhookWish& wish, const DesiredWebhook& desired, bool creating);

/// These functions work on all webhooks of a Mem0 project except those that this deployment keeps. For those they return
/// kRefused, because the address contains a secret token; use ApplyWebhooks, RotateToken and RemoveWebhooks. Locks, blocking and
/// errors are as in webhooks.hpp, and in addition: kRefused with `problems` filled in when single fields are wrong, kNotFound
/// when Mem0 lists no webhook of this id. `desired.public_url` may be empty. The results are safe to show.

/// Creates a webhook, only once even when Mem0's answers are lost.
Result<WebhookView> CreateWebhook(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                  const WebhookWish& wish, FieldProblems& problems, const ApplyOptions& options = {});
/// Changes the fields of the wish. A webhook that is switched off at Mem0 stays switched off.
Result<WebhookView> ChangeWebhook(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                  const std::string& webhook_id, const WebhookWish& wish, FieldProblems& problems,
                                  const ApplyOptions& options = {});
/// Deletes a webhook and returns its last state.
Result<WebhookView> DeleteWebhook(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                  const std::string& webhook_id, const ApplyOptions& options = {});

}  // namespace membridge::admin
