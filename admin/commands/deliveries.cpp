#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/shown/filters.hpp"
#include "admin/shown/table.hpp"
#include "admin/shown/views.hpp"
#include "sync/inbox/delivery_log.hpp"

namespace membridge::admin {
namespace {

using sync::DeliveriesStore;
using sync::postgres::Session;

struct DeliveryOptions {
  std::shared_ptr<CommonOptions> common;
  std::string id, project, memory, verdict, outcome, since, until, cursor;
  std::size_t limit = 50;
  bool yes = false;
  bool all = false;
};

Result<sync::DeliveryFilter> DeliveryFilterOf(const DeliveryOptions& options) {
  sync::DeliveryFilter filter;
  filter.id = GivenAs<DeliveryId>(options.id);
  filter.project = GivenAs<ProjectId>(options.project);
  filter.memory = GivenAs<MemoryId>(options.memory);
  filter.verdict = Given(options.verdict);
  filter.outcome = Given(options.outcome);
  if (filter.outcome && std::find(sync::kOutcomes.begin(), sync::kOutcomes.end(), *filter.outcome) == sync::kOutcomes.end())
    return Fail(ErrorCode::kRefused, fmt::format("--outcome: there is no outcome \"{}\"", *filter.outcome),
                fmt::format("it is one of {}", fmt::join(sync::kOutcomes, ", ")));
  const Instant now = SystemClock{}.Now();
  for (const auto& [text, into, name] :
       {std::tuple{&options.since, &filter.since, "--since"}, {&options.until, &filter.until, "--until"}}) {
    if (text->empty()) continue;
    *into = ParseWhen(*text, now);
    if (!*into)
      return Fail(ErrorCode::kRefused, fmt::format("{}: \"{}\" is no time", name, *text),
                  "write 2026-03-01, 2026-03-01T09:00:00Z, or an age such as 2h");
  }
  return filter;
}

/// Returns the filter for the audit.
nlohmann::json DeliveryFilterView(const DeliveryOptions& options) {
  return GivenByName({{"project", options.project},
                      {"memory", options.memory},
                      {"verdict", options.verdict},
                      {"outcome", options.outcome},
                      {"since", options.since},
                      {"until", options.until}});
}

int ListDeliveries(const DeliveryOptions& options, Session& session, Console& console) {
  const auto filter = DeliveryFilterOf(options);
  if (!filter) return PrintUsageError(filter.error(), console);
  sync::postgres::Transaction transaction = session.Begin();
  const auto page = DeliveriesStore{transaction}.List(*filter, options.limit, Given(options.cursor));
  if (!page) return PrintUsageError(page.error(), console);
  if (options.common->json) {
    fmt::print(console.out, "{}\n", PageOf("deliveries", page->deliveries, page->next).dump(2));
    return kDone;
  }
  const Instant now = SystemClock{}.Now();
  TextTable table{{"DELIVERY", "RECEIVED", "PROJECT", "OUTCOME", "VERDICT", "MEMORY"}};
  for (const auto& delivery : page->deliveries) {
    const std::string memory = delivery.memories.empty() ? "-" : delivery.memories.front().Text();
    const std::string more = delivery.memories.size() > 1 ? fmt::format(" and {} more", delivery.memories.size() - 1) : "";
    table.Add({delivery.id.Text(), WithAge(delivery.received_at, now), delivery.project.Text(), delivery.outcome,
               delivery.verdict, memory + more});
  }
  fmt::print(console.out, "{}", table.Empty() ? "no delivery fits the filter\n" : table.Text(console.coloured));
  if (page->next) fmt::print(console.err, "more: --cursor {}\n", *page->next);
  return kDone;
}

int ShowDelivery(const DeliveryOptions& options, Session& session, Console& console) {
  sync::postgres::Transaction transaction = session.Begin();
  const auto delivery = DeliveriesStore{transaction}.Show(DeliveryId{options.id});
  if (!delivery)
    return PrintError({ErrorCode::kNotFound, fmt::format("no delivery {}", options.id), "it may have been dropped by retention"},
                      console);
  transaction.Commit();
  // A body may contain what people said, so write to the audit who read it, as the API does.
  NoteInAudit(session, console, "delivery.read_body", options.id, nullptr);
  nlohmann::ordered_json json = ViewOf(*delivery);
  json["body"] = delivery->body;
  fmt::print(console.out, "{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  return kDone;
}

int Replay(const DeliveryOptions& options, Session& session, Console& console) {
  const auto filter = DeliveryFilterOf(options);
  if (!filter) return PrintUsageError(filter.error(), console);
  const bool narrowed =
      filter->id || filter->project || filter->memory || filter->verdict || filter->outcome || filter->since || filter->until;
  if (!narrowed && !options.all)
    return PrintUsageError(
        {ErrorCode::kRefused, "no filter was given", "name a delivery with --id, give a filter such as --since 2h, or say --all"},
        console);
  sync::postgres::Transaction transaction = session.Begin();
  const auto count = DeliveriesStore{transaction}.Count(*filter);
  transaction.Commit();
  if (!options.yes) {
    fmt::print(console.out, "{} about {} would be replayed; add --yes to do it\n",
               Counted(count.deliveries, "delivery", "deliveries"), Counted(count.memories, "memory", "memories"));
    return kDone;
  }
  const std::size_t marked = ReplayDeliveries(session, *filter);
  NoteInAudit(session, console, "deliveries.replay", options.id, nullptr,
              {{"deliveries", count.deliveries}, {"memories", marked}, {"filter", DeliveryFilterView(options)}});
  if (options.common->json) {
    fmt::print(console.out, "{}\n", nlohmann::ordered_json{{"deliveries", count.deliveries}, {"memories", marked}}.dump());
  } else {
    fmt::print(console.out, "{} will be read again\n", Counted(marked, "memory", "memories"));
  }
  return kDone;
}

void AddFilterOptions(CLI::App& command, DeliveryOptions& options) {
  command.add_option("--project", options.project, "Only of this project");
  command.add_option("--memory", options.memory, "Only those that speak of this memory");
  command.add_option("--outcome", options.outcome, fmt::format("Only what this became of: {}", fmt::join(sync::kOutcomes, ", ")));
  command.add_option("--verdict", options.verdict,
                     "Only with this verdict: add, update, delete, categorize, other, mixed, uninterpretable");
  command.add_option("--since", options.since, "Received then or later: a time, a day, or an age such as 2h");
  command.add_option("--until", options.until, "Received before");
}

}  // namespace

void AddDeliveries(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("deliveries", "What arrived: look at it, and have its memories read again");
  group->require_subcommand(1);

  auto list_options = std::make_shared<DeliveryOptions>();
  CLI::App* list = group->add_subcommand("list", "Deliveries, newest first");
  list_options->common = AddConfigAndJsonOptions(*list);
  AddFilterOptions(*list, *list_options);
  list->add_option("--limit", list_options->limit, "At most so many")->check(CLI::Range(1, 1000))->capture_default_str();
  list->add_option("--cursor", list_options->cursor, "Go on where a list ended");
  list->callback([=, &choice] { choice = OnState(list_options, ListDeliveries); });

  auto show_options = std::make_shared<DeliveryOptions>();
  CLI::App* show = group->add_subcommand("show", "One delivery, with its headers (redacted) and its body, as JSON");
  show_options->common = AddConfigAndJsonOptions(*show);
  show->add_option("id", show_options->id, "The delivery's id")->required();
  show->callback([=, &choice] { choice = OnState(show_options, ShowDelivery); });

  auto replay_options = std::make_shared<DeliveryOptions>();
  CLI::App* replay = group->add_subcommand("replay", "Read the memories of deliveries again; counts first, acts with --yes");
  replay_options->common = AddConfigAndJsonOptions(*replay);
  AddFilterOptions(*replay, *replay_options);
  replay->add_option("--id", replay_options->id, "Only this delivery");
  replay->add_flag("--yes", replay_options->yes, "Do it");
  replay->add_flag("--all", replay_options->all, "All of them");
  replay->callback([=, &choice] { choice = OnState(replay_options, Replay); });
}

}  // namespace membridge::admin
