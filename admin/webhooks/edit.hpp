#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "admin/webhooks/webhooks.hpp"

namespace membridge::admin {

/// What somebody wants of a webhook that leads elsewhere than to this bridge. What is absent stays as it is.
struct WebhookWish {
  std::optional<std::string> name;
  std::optional<std::string> url;  ///< may hold a secret of its receiver: never logged and never shown again
  std::optional<std::vector<std::string>> events;
};

/// Why a wish was refused, by field: `name`, `url`, `events` → a sentence, ours or Mem0's.
using FieldProblems = std::map<std::string, std::string>;

/// What can be said of a wish without asking Mem0; empty when it may be sent. `creating`: every field has to be there.
FieldProblems ProblemsWith(const WebhookWish& wish, const DesiredWebhook& desired, bool creating);

/// Any webhook of a Mem0 project but those this deployment keeps: they are refused here (kRefused), for their address holds a
/// token that nobody is to know; ApplyWebhooks, RotateToken and RemoveWebhooks look after them. Locks, blocking and errors as in
/// webhooks.hpp, and beyond them: kRefused with `problems` filled when single fields are at fault, kNotFound when Mem0 lists no
/// webhook of this id. `desired.public_url` may be empty. The results are as they may be shown.

/// Creates one, once, however often Mem0's answer is lost.
Result<WebhookView> CreateWebhook(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                  const WebhookWish& wish, FieldProblems& problems, const ApplyOptions& options = {});
/// Changes what the wish names. A webhook that was switched off at Mem0 stays so.
Result<WebhookView> ChangeWebhook(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                  const std::string& webhook_id, const WebhookWish& wish, FieldProblems& problems,
                                  const ApplyOptions& options = {});
/// Deletes one; the result is what it was.
Result<WebhookView> DeleteWebhook(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                  const std::string& webhook_id, const ApplyOptions& options = {});

}  // namespace membridge::admin
