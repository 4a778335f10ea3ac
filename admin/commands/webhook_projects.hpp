#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/webhooks/webhooks.hpp"

namespace membridge::admin {

/// What one project's webhooks are worked on with.
struct WebhookWork {
  const ProjectConfig& project;
  const DesiredWebhook& desired;
  sync::mem0::Client& client;
  sync::postgres::Session& session;
  nlohmann::ordered_json& json;  ///< what `--json` prints of this project
  Console& console;
};

/// Writes into the audit what was done to a project's webhooks, or tried. `object`: what it was done to, besides the project.
template <class T>
void NoteInAudit(const WebhookWork& work, const std::string& action, const Result<T>& result, const std::string& object = {}) {
  NoteInAudit(work.session, work.console, action, work.desired.project.Text() + (object.empty() ? "" : "/" + object),
              result ? nullptr : &result.error());
}

/// Which projects a webhook command is about.
struct WebhookSelection {
  std::shared_ptr<CommonOptions> common;
  std::string project;       ///< empty: all of them
  bool registered = true;    ///< only those with a public_url: others are told of and left out
  bool exactly_one = false;  ///< `project` may be left out only where there is one
};

/// Runs `work` for every project meant, on a migrated database, and prints what goes wrong and the collected JSON.
int ForEachProject(const WebhookSelection& selection, Console& console, const std::function<Result<void>(WebhookWork&)>& work);

/// `--config`, `--json` and `--project` for one of these commands.
WebhookSelection AddSelection(CLI::App& command);

/// `create`, `update` and `delete`, in a file of their own.
void AddWebhookEdits(CLI::App& group, Choice& choice);

}  // namespace membridge::admin
