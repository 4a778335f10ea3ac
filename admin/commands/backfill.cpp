#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/config/values.hpp"
#include "admin/runtime/backfilling.hpp"
#include "admin/shown/backfill_text.hpp"
#include "admin/shown/filters.hpp"
#include "sync/backfill/run_store.hpp"
#include "sync/schedule/backfill_status.hpp"

namespace membridge::admin {
namespace {

using sync::postgres::Session;
using sync::postgres::Transaction;

struct BackfillOptions {
  std::shared_ptr<CommonOptions> common;
  std::string name;
  std::size_t limit = 20;
};

void PrintJson(Console& console, const char* key, nlohmann::ordered_json value) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  json[key] = std::move(value);
  fmt::print(console.out, "{}\n", json.dump(2));
}

/// Prints records as a table, or with --json under this key; `none` when there are none.
template <class Record>
void PrintAll(const BackfillOptions& options, Console& console, const char* key, const std::vector<Record>& records,
              const char* none, Instant now) {
  if (options.common->json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Record& record : records) list.push_back(AsJson(record));
    PrintJson(console, key, std::move(list));
  } else if (records.empty()) {
    fmt::print(console.out, "{}\n", none);
  } else {
    fmt::print(console.out, "{}", TableOf(records, now).Text(console.coloured));
  }
}

int ListBackfills(const BackfillOptions& options, const Config& config, Session& session, Console& console) {
  Transaction transaction = session.Begin();
  const Instant now = SystemClock{}.Now();
  const auto standings = sync::StandingsOf(transaction, BackfillsOf(config), now);
  PrintAll(options, console, "backfills", standings, "the configuration has no backfill", now);
  return kDone;
}

int Status(const BackfillOptions& options, Session& session, Console& console) {
  Transaction transaction = session.Begin();
  const auto runs = sync::RunStore{transaction}.List(Given(options.name), options.limit);
  PrintAll(options, console, "runs", runs, "no backfill has run yet", SystemClock{}.Now());
  return kDone;
}

/// Returns the unfinished run of this name, or the run with this number.
Result<std::int64_t> RunOfId(Transaction& transaction, const std::string& name) {
  if (const auto active = sync::RunStore{transaction}.FindActive(name)) return active->id;
  if (const auto number = ParseCount(name)) return static_cast<std::int64_t>(*number);
  return Fail(ErrorCode::kNotFound, fmt::format("no run of \"{}\" is queued or under way", name),
              "membridge backfill status lists runs; name one, or give its number");
}

int Cancel(const BackfillOptions& options, Session& session, Console& console) {
  Transaction transaction = session.Begin();
  const auto id = RunOfId(transaction, options.name);
  if (!id) return PrintUsageError(id.error(), console);
  const auto state = sync::RunStore{transaction}.Cancel(*id, SystemClock{}.Now());
  if (!state) return PrintUsageError(state.error(), console);
  const auto run = sync::RunStore{transaction}.Find(*id);
  transaction.Commit();
  NoteInAudit(session, console, "backfill.cancel", std::to_string(*id), nullptr);
  if (options.common->json) {
    fmt::print(console.out, "{}\n", AsJson(*run).dump(2));
  } else {
    const char* outcome = *state == sync::RunState::kCancelled ? "is cancelled" : "stops with its next page";
    fmt::print(console.out, "run {} {}\n", *id, outcome);
  }
  return kDone;
}

Result<sync::Backfill> FindEntry(const Config& config, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& entry : BackfillsOf(config)) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  return Fail(ErrorCode::kNotFound, fmt::format("no backfill \"{}\" in the configuration{}", name, Suggestion(name, names)));
}

int PauseOrResume(const BackfillOptions& options, const Config& config, Session& session, Console& console, bool pause) {
  const auto entry = FindEntry(config, options.name);
  if (!entry) return PrintUsageError(entry.error(), console);
  const Instant now = SystemClock{}.Now();
  Transaction transaction = session.Begin();
  if (pause) {
    sync::PauseBackfill(transaction, *entry, now);
  } else if (const auto resumed = sync::ResumeBackfill(transaction, *entry, now); !resumed) {
    return PrintUsageError(resumed.error(), console);
  }
  const auto standing = sync::StandingsOf(transaction, {*entry}, now).front();
  transaction.Commit();
  NoteInAudit(session, console, pause ? "schedule.pause" : "schedule.resume", entry->name, nullptr);
  if (options.common->json) {
    fmt::print(console.out, "{}\n", AsJson(standing).dump(2));
  } else {
    fmt::print(console.out, "{}", TableOf(std::vector{standing}, now).Text(console.coloured));
  }
  return kDone;
}

int PauseBackfill(const BackfillOptions& options, const Config& config, Session& session, Console& console) {
  return PauseOrResume(options, config, session, console, true);
}

int Resume(const BackfillOptions& options, const Config& config, Session& session, Console& console) {
  return PauseOrResume(options, config, session, console, false);
}

/// Adds a command with --config and --json to the group.
std::pair<CLI::App*, std::shared_ptr<BackfillOptions>> AddMember(CLI::App& group, const char* name, const char* does) {
  auto options = std::make_shared<BackfillOptions>();
  CLI::App* command = group.add_subcommand(name, does);
  options->common = AddConfigAndJsonOptions(*command);
  return {command, options};
}

template <class Run>
void AddOnName(CLI::App& group, const char* name, const char* does, const char* what, Choice& choice, Run run) {
  const auto [command, options] = AddMember(group, name, does);
  command->add_option("name", options->name, what)->required();
  command->callback([options = options, run, &choice] { choice = OnState(options, run); });
}

}  // namespace

void AddBackfill(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("backfill", "Exports and sweeps: those configured, and how they went");
  group->require_subcommand(1);

  const auto [list, list_options] = AddMember(*group, "list", "What is configured, when it runs next, and how the last run went");
  list->callback([options = list_options, &choice] { choice = OnState(options, ListBackfills); });

  AddBackfillRun(*group, choice);

  const auto [status, status_options] = AddMember(*group, "status", "Runs, newest first");
  status->add_option("name", status_options->name, "Only of this backfill");
  status->add_option("--limit", status_options->limit, "At most so many")->check(CLI::Range(1, 1000))->capture_default_str();
  status->callback([options = status_options, &choice] { choice = OnState(options, Status); });

  AddOnName(*group, "cancel", "End a run: at once, or with its next page when it is under way; the schedule stays",
            "The backfill's name, or the run's number", choice, Cancel);
  AddOnName(*group, "pause", "Let the moments of a schedule pass, and stop the run under way with its next page",
            "The backfill's name", choice, PauseBackfill);
  AddOnName(*group, "resume", "Put a schedule in force again; a run that was paused goes on", "The backfill's name", choice,
            Resume);
}

}  // namespace membridge::admin
