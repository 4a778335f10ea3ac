// `tail`: shows live how deliveries become rows.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
#include <list>
#include <set>
#include <thread>

#include "admin/commands/command.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/config/values.hpp"
#include "admin/runtime/databases.hpp"
#include "admin/shown/filters.hpp"
#include "admin/shown/table.hpp"
#include "mappings/base/exact_json.hpp"
#include "sync/explain/trail.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;
using nlohmann::ordered_json;
using sync::TrailStep;
using sync::postgres::Session;

struct TailOptions {
  std::shared_ptr<CommonOptions> common;
  std::string project, user, within;
  bool values = false;
};

constexpr std::chrono::milliseconds kLookEvery{250};
volatile std::sig_atomic_t tail_interrupted = 0;

/// Returns a text such as `184 ms` or `3.2 s`.
std::string LagInWords(std::chrono::microseconds lag) {
  if (lag < 1s) return fmt::format("{} ms", std::max<std::int64_t>(0, lag.count() / 1000));
  return fmt::format("{:.1f} s", static_cast<double>(lag.count()) / 1e6);
}

/// Returns a text such as `2 rows of crm.contacts, crm.notes`.
std::string RowsInWords(const TrailStep& step) {
  std::set<std::string> tables;
  for (const auto& row : step.rows) tables.insert(row.table);
  if (tables.empty()) return "no row: no mapping makes one of it";
  return fmt::format("{} of {}", step.rows.size() == 1 ? "1 row" : fmt::format("{} rows", step.rows.size()),
                     fmt::join(tables, ", "));
}

std::string DetailOf(const TrailStep& step, bool values) {
  switch (step.kind) {
    case TrailStep::Kind::kReceived:
      return step.verdict;
    case TrailStep::Kind::kReading:
      return "a worker has it";
    case TrailStep::Kind::kApplied:
      return RowsInWords(step) + (step.waits ? ", and waits for a row that is not there" : "");
    case TrailStep::Kind::kWithdrawn:
      return "deleted at Mem0: its values were withdrawn";
    case TrailStep::Kind::kUnknown:
      return "nothing of it is kept: Mem0 has no such memory, or its person was erased";
    case TrailStep::Kind::kParked:
      return step.note + (values ? ": " + step.cause : "") + "; membridge parked show --memory " + step.memory;
    case TrailStep::Kind::kBlocked:
    case TrailStep::Kind::kRetried:
      break;
  }
  return step.note;
}

Tone ToneOf(TrailStep::Kind kind) {
  if (kind == TrailStep::Kind::kApplied || kind == TrailStep::Kind::kWithdrawn) return Tone::kGood;
  return kind == TrailStep::Kind::kParked ? Tone::kBad : Tone::kNote;
}

void PrintStep(const TrailStep& step, const TailOptions& options, Console& console) {
  const std::string name{NameOf(step.kind)};
  const std::string padded = name + std::string(name.size() < 9 ? 9 - name.size() : 0, ' ');
  const bool plain = step.kind == TrailStep::Kind::kReceived || step.kind == TrailStep::Kind::kReading;
  fmt::print(console.out, "{}  {}  {}  {}  {}{}\n", FormatRfc3339(step.at).substr(11, 12),
             plain ? padded : Toned(padded, ToneOf(step.kind), console.coloured), step.project,
             step.memory.empty() ? "-" : step.memory, DetailOf(step, options.values),
             step.lag ? "  after " + LagInWords(*step.lag) : "");
  if (!options.values) return;
  for (const auto& row : step.rows)
    fmt::print(console.out, "              {} {} {}\n", row.table, mappings::ExactText(row.identity),
               mappings::ExactText(row.cells));
}

void PrintStepAsJson(const TrailStep& step, const TailOptions& options, Console& console) {
  const auto or_null = [](const std::string& text) { return text.empty() ? ordered_json() : ordered_json(text); };
  ordered_json view{{"at", FormatRfc3339(step.at)},
                    {"step", NameOf(step.kind)},
                    {"delivery", step.delivery},
                    {"project", step.project},
                    {"verdict", step.verdict},
                    {"memory", or_null(step.memory)},
                    {"lag_seconds", step.lag ? ordered_json(std::chrono::duration<double>(*step.lag).count()) : ordered_json()},
                    {"waits", step.waits},
                    {"note", or_null(step.note)}};
  ordered_json rows = ordered_json::array();
  for (const auto& row : step.rows) {
    ordered_json one{{"target", row.target}, {"table", row.table}, {"mapping", row.mapping}};
    if (options.values) one.update(ordered_json{{"identity", row.identity}, {"cells", row.cells}});
    rows.push_back(std::move(one));
  }
  view["rows"] = std::move(rows);
  if (options.values) view["cause"] = or_null(step.cause);
  fmt::print(console.out, "{}\n", mappings::ExactText(nlohmann::json(view)));
}

int Follow(const TailOptions& options, std::optional<std::chrono::milliseconds> within, Console& console) {
  const auto config = ConfigOrProblems(options.common->config, console);
  if (!config) return kBadUsage;
  if (const auto projects = ProjectsMeant(*config, options.project); !projects) return PrintUsageError(projects.error(), console);
  const auto databases = Databases::Open(*config, Databases::Use::kCommand);
  if (!databases) return PrintError(databases.error(), console);
  const auto pending = PendingOfAll(*config, *databases);
  if (!pending) return PrintError(pending.error(), console);
  if (!pending->empty())
    return PrintError({ErrorCode::kRefused, "the database is not migrated", "run membridge migrate"}, console);
  Session state{databases->StateDsn(), "membridge tail"};
  std::list<Session> elsewhere;
  std::vector<sync::Trail::Ledger> ledgers;
  std::set<std::string> opened;
  for (const TargetConfig& target : config->targets) {
    if (!opened.insert(databases->DsnOf(target)).second) continue;
    ledgers.push_back({target.name, target.dsn ? &elsewhere.emplace_back(*target.dsn, "membridge tail") : nullptr});
  }
  sync::Trail trail{state, ledgers, {Given(options.project), Given(options.user)}};
  if (!options.common->json) fmt::print(console.err, "following deliveries; times are UTC. Ctrl-C ends it\n");
  const auto ends = std::chrono::steady_clock::now() + within.value_or(0ms);
  while (tail_interrupted == 0) {
    for (const TrailStep& step : trail.Look()) (options.common->json ? PrintStepAsJson : PrintStep)(step, options, console);
    console.out.flush();
    if (within && std::chrono::steady_clock::now() >= ends) break;
    std::this_thread::sleep_for(kLookEvery);
  }
  return kDone;
}

int Tail(const TailOptions& options, Console& console) {
  std::optional<std::chrono::milliseconds> within;
  if (!options.within.empty()) {
    within = ParseDuration(options.within);
    if (!within) {
      PrintError({ErrorCode::kRefused, "--for: \"" + options.within + "\" is no time", "write 30s or 5m"}, console);
      return kBadUsage;
    }
  }
  std::signal(SIGINT, [](int) { tail_interrupted = 1; });
  std::signal(SIGTERM, [](int) { tail_interrupted = 1; });
  try {
    return Follow(options, within, console);
  } catch (const sync::postgres::SqlFailure& failure) {
    return PrintError(failure.AsError("following deliveries"), console);
  }
}

}  // namespace

void AddTail(CLI::App& app, Choice& choice) {
  CLI::App* command = app.add_subcommand("tail", "Follow deliveries live: received, read, rows, with the time it took");
  auto options = std::make_shared<TailOptions>();
  options->common = AddConfigAndJsonOptions(*command);
  command->add_option("--project", options->project, "Only of this project");
  command->add_option("--user", options->user, "Only what is about this user; told once the memory was read");
  command->add_flag("--values", options->values, "Also keys and values of rows, and causes that quote them");
  command->add_option("--for", options->within, "End after this time, as 30s or 5m; without it, with Ctrl-C");
  command->callback([options, &choice] { choice = [options](Console& console) { return Tail(*options, console); }; });
}

}  // namespace membridge::admin
