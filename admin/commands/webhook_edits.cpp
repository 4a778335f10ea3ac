#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "admin/commands/webhook_projects.hpp"
#include "admin/webhooks/edit.hpp"
#include "admin/webhooks/registrar.hpp"

namespace membridge::admin {
namespace {

struct EditOptions : WebhookSelection {
  std::string webhook;
  WebhookWish wish;
  bool yes = false;
};

void Tell(const WebhookView& view, std::string_view what, const EditOptions& options, WebhookWork& work) {
  work.json[std::string{what}] = nlohmann::ordered_json(ToJson(view));
  if (options.common->json) return;
  fmt::print(work.console.out, "{}: {} {}  {}  {}  [{}]\n", work.desired.project.Text(), what, view.webhook_id, view.name,
             view.url, fmt::join(view.events, ", "));
}

/// Prints what is wrong with each field, under the name of its option.
Result<void> TellRefusal(const Error& error, const FieldProblems& problems, const EditOptions& options, WebhookWork& work) {
  work.json["problems"] = nlohmann::ordered_json(problems);
  if (problems.empty() || options.common->json) return tl::unexpected<Error>(error);
  for (const auto& [field, problem] : problems) fmt::print(work.console.err, "--{}: {}\n", field, problem);
  return Fail(error.code, "the webhook was refused", "see the fields above");
}

int CreateWebhook(const EditOptions& options, Console& console) {
  return ForEachProject(options, console, [&](WebhookWork& work) -> Result<void> {
    FieldProblems problems;
    const auto made =
        CreateWebhook(work.client, work.session, work.desired, options.wish, problems, ApplyOptionsOf(work.project));
    NoteInAudit(work, "webhooks.create", made, made ? made->webhook_id : "");
    if (!made) return TellRefusal(made.error(), problems, options, work);
    Tell(*made, "created", options, work);
    return {};
  });
}

int Update(const EditOptions& options, Console& console) {
  return ForEachProject(options, console, [&](WebhookWork& work) -> Result<void> {
    FieldProblems problems;
    const auto changed = ChangeWebhook(work.client, work.session, work.desired, options.webhook, options.wish, problems,
                                       ApplyOptionsOf(work.project));
    NoteInAudit(work, "webhooks.update", changed, options.webhook);
    if (!changed) return TellRefusal(changed.error(), problems, options, work);
    Tell(*changed, "updated", options, work);
    return {};
  });
}

int Delete(const EditOptions& options, Console& console) {
  return ForEachProject(options, console, [&](WebhookWork& work) -> Result<void> {
    if (options.yes) {
      const auto deleted = DeleteWebhook(work.client, work.session, work.desired, options.webhook, ApplyOptionsOf(work.project));
      NoteInAudit(work, "webhooks.delete", deleted, options.webhook);
      if (!deleted) return tl::unexpected<Error>(deleted.error());
      Tell(*deleted, "deleted", options, work);
      return {};
    }
    const auto survey = SurveyWebhooks(work.client, work.session, work.desired);
    if (!survey) return tl::unexpected<Error>(survey.error());
    for (const auto& view : survey->webhooks) {
      if (view.webhook_id != options.webhook) continue;
      Tell(view, "would_delete", options, work);
      fmt::print(work.console.err, "add --yes to do it\n");
      return {};
    }
    return Fail(ErrorCode::kNotFound, "Mem0 lists no such webhook in this project");
  });
}

CLI::App* AddEditCommand(CLI::App& group, const char* name, const char* description, const std::shared_ptr<EditOptions>& options,
                         Choice& choice, int (*run)(const EditOptions&, Console&)) {
  CLI::App* command = group.add_subcommand(name, description);
  static_cast<WebhookSelection&>(*options) = AddSelection(*command);
  options->registered = false;
  options->exactly_one = true;
  command->add_option("--project", options->project, "The project; may be left out when there is only one");
  command->callback([options, run, &choice] { choice = [options, run](Console& console) { return run(*options, console); }; });
  return command;
}

void AddFields(CLI::App& command, EditOptions& options, bool required) {
  command.add_option("--name", options.wish.name, "Its name at Mem0")->required(required);
  command.add_option("--url", options.wish.url, "Where Mem0 posts to")->required(required);
  command.add_option("--events", options.wish.events, "Which events, separated by commas: memory_add,memory_delete")
      ->delimiter(',')
      ->required(required);
}

}  // namespace

void AddWebhookEdits(CLI::App& group, Choice& choice) {
  auto create = std::make_shared<EditOptions>();
  AddFields(*AddEditCommand(group, "create", "Create a webhook that leads elsewhere", create, choice, CreateWebhook), *create,
            true);
  auto update = std::make_shared<EditOptions>();
  CLI::App* updating =
      AddEditCommand(group, "update", "Change what is named of a webhook that is not the bridge's", update, choice, Update);
  updating->add_option("ID", update->webhook, "Mem0's id of it")->required();
  AddFields(*updating, *update, false);
  auto remove = std::make_shared<EditOptions>();
  CLI::App* deleting = AddEditCommand(group, "delete", "Delete a webhook that is not the bridge's", remove, choice, Delete);
  deleting->add_option("ID", remove->webhook, "Mem0's id of it")->required();
  deleting->add_flag("--yes", remove->yes, "Do it; without this option, the command only shows what it would do");
}

}  // namespace membridge::admin
