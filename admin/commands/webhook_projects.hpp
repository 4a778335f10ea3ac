#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/webhooks/webhooks.hpp"

namespace membridge::admin {

/// What commands need to work on one project's webhooks.
struct WebhookWork {
  const ProjectConfig& project;
  const DesiredWebhook& desired;
  sync::mem0::Client& client;
  sync::postgres::Session& session;
  nlohmann::ordered_json& json;  ///< what `--json` prints for this project
  Console& console;
};

/// Writes to the audit what was done or tried with a project's webhooks. `object`: what it was done to, besides the project.
template <class T>
void NoteInAudit(const WebhookWork& work, const std::string& action, const Result<T>& result, const std::string& object = {}) {
  NoteInAudit(work.session, work.console, action, work.desired.project.Text() + (object.empty() ? "" : "/" + object),
              result ? nullptr : &result.error());
}

/// The projects that a webhook command works on.
struct WebhookSelection {
  std::shared_ptr<CommonOptions> common;
  std::string project;       ///< empty: all of them
  bool registered = true;    ///< only projects with a public_url; others are named and left out
  bool exactly_one = false;  ///< `project` may be left out only when there is one project
};

/// Runs `work` for every selected project, on a migrated database. Prints errors and the collected JSON, and returns the exit
/// status.
int ForEachProject(const WebhookSelection& selection, Console& console, const std::function<Result<void>(WebhookWork&)>& work);

/// Adds `--config`, `--json` and `--project` to a command.
WebhookSelection AddSelection(CLI::App& command);

/// Adds `list`.
void AddWebhookList(CLI::App& group, Choice& choice);
/// Adds `create`, `update` and `delete`.
void AddWebhookEdits(CLI::App& group, Choice& choice);

}  // namespace membridge::admin
