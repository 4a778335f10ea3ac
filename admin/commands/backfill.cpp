#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <stop_token>

#include "admin/backfilling.hpp"
#include "admin/commands/command.hpp"
#include "admin/commands/filters.hpp"
#include "admin/commands/prepared.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/mapping_snapshot.hpp"
#include "admin/metrics.hpp"
#include "admin/periodic.hpp"
#include "sync/backfill/jobs.hpp"
#include "sync/backfill/run_store.hpp"

namespace membridge::admin {
namespace {

using sync::postgres::Session;
using sync::postgres::Transaction;

struct Options {
  std::shared_ptr<CommonOptions> common;
  std::string name, project, since;
  bool full = false;
  bool dry_run = false;
  bool allow_vanishing = false;
  std::size_t limit = 20;
};

nlohmann::ordered_json AsJson(const sync::Run& run) {
  const auto time = [](const std::optional<Instant>& at) { return at ? nlohmann::ordered_json(FormatRfc3339(*at)) : nullptr; };
  nlohmann::ordered_json json{{"id", run.id},
                              {"name", run.name},
                              {"project", run.project.Text()},
                              {"kind", NameOf(run.kind)},
                              {"state", NameOf(run.state)},
                              {"queued_at", FormatRfc3339(run.queued_at)},
                              {"started_at", time(run.started_at)},
                              {"finished_at", time(run.finished_at)},
                              {"done", run.done},
                              {"total", nullptr},
                              {"counters", run.counters},
                              {"error", run.error}};
  if (run.total) json["total"] = *run.total;
  return json;
}

std::string Line(const sync::Run& run) {
  const sync::Progress progress = run.HowFar();
  std::string line =
      fmt::format("{:>6}  {:<20} {:<18} {:<10} {}", run.id, run.name, NameOf(run.kind), NameOf(run.state), progress.done);
  if (progress.total) line += fmt::format(" of {}", *progress.total);
  if (progress.left && run.state == sync::RunState::kRunning) line += fmt::format(", {} s left", progress.left->count());
  for (const auto& [name, value] : run.counters.items()) {
    if (value.is_number_integer() && value != 0) line += fmt::format(" {}={}", name, value.dump());
  }
  return run.error.empty() ? line : line + "  " + run.error;
}

int List(const Options& options, Console& console) {
  const auto config = ConfigOrProblems(options.common->config, console);
  if (!config) return kBadUsage;
  nlohmann::ordered_json entries = nlohmann::ordered_json::array();
  for (const auto& backfill : BackfillsOf(*config)) {
    entries.push_back({{"name", backfill.name},
                       {"project", backfill.project.Text()},
                       {"kind", NameOf(backfill.kind)},
                       {"mapping", backfill.options.mapping},
                       {"schedule", backfill.schedule},
                       {"timezone", backfill.timezone}});
    if (options.common->json) continue;
    fmt::print(console.out, "{:<20} {:<12} {:<18} {}  {}\n", backfill.name, backfill.project.Text(), NameOf(backfill.kind),
               backfill.schedule, backfill.timezone);
  }
  if (options.common->json) fmt::print(console.out, "{}\n", nlohmann::ordered_json{{"backfills", std::move(entries)}}.dump(2));
  return kDone;
}

int Status(const Options& options, Session& session, Console& console) {
  Transaction transaction = session.Begin();
  const auto runs = sync::RunStore::List(transaction, Given(options.name), options.limit);
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& run : runs) {
    list.push_back(AsJson(run));
    if (!options.common->json) fmt::print(console.out, "{}\n", Line(run));
  }
  if (options.common->json) fmt::print(console.out, "{}\n", nlohmann::ordered_json{{"runs", std::move(list)}}.dump(2));
  return kDone;
}

sync::Run FindRun(Session& session, std::int64_t id) {
  Transaction transaction = session.Begin();
  auto run = sync::RunStore::Find(transaction, id);
  if (!run) throw std::runtime_error("the run was forgotten before it ended");
  return *run;
}

/// Works a run to its end, here or in a serve that took it first; a line when it has come further.
int WorkToEnd(sync::Scheduler& scheduler, Session& session, std::int64_t id, const Options& options, Console& console) {
  const std::stop_source nobody_stops;
  std::string said;
  for (;;) {
    const auto worked = scheduler.RunOnce();
    if (!worked) return PrintError(worked.error(), console);
    const sync::Run run = FindRun(session, id);
    const std::string line = Line(run);
    if (!run.Active()) {
      if (options.common->json) {
        fmt::print(console.out, "{}\n", AsJson(run).dump(2));
      } else {
        fmt::print(console.out, "{}\n", line);
      }
      return run.state == sync::RunState::kDone ? kDone : kFoundProblems;
    }
    if (std::exchange(said, line) != line) fmt::print(console.err, "{}\n", line);
    if (!*worked) Pause(nobody_stops.get_token(), scheduler.NextDue(std::chrono::milliseconds{500}));
  }
}

/// A scheduler that this command works itself. What is referred to outlives it.
Result<std::unique_ptr<sync::Scheduler>> SchedulerOf(const Prepared& prepared, sync::Worker::Mappings mapping_set,
                                                     const Mem0Clients& mem0, const Clock& clock,
                                                     sync::WorkerCounters& counters) {
  sync::JobParts parts;
  parts.state_dsn = prepared.databases.StateDsn();
  parts.mappings = std::move(mapping_set);
  parts.background_client = [&mem0](const ProjectId& project) { return mem0.For(project, Mem0Clients::Urgency::kBackground); };
  parts.clock = &clock;
  parts.counters = &counters;
  parts.worker.read_lag = prepared.config.sync.read_lag;
  parts.worker.lease = prepared.config.sync.lease;
  return sync::Scheduler::Make({}, parts.state_dsn, BackfillsOf(prepared.config), sync::JobsFrom(parts), clock);
}

/// Queues a run by `start` and works it.
int RunToEnd(const Options& options, Console& console,
             const std::function<Result<std::int64_t>(sync::Scheduler&, const Config&)>& start) {
  const auto prepared = Prepare(options.common->config, {}, console);
  if (!prepared) return prepared.error();
  if (auto migrated = MigrateAll(prepared->config, prepared->databases); !migrated) return PrintError(migrated.error(), console);
  const auto mapping_set = BuildMappingSet(prepared->config, prepared->mappings, prepared->catalogs);
  const SystemClock clock;
  Metrics metrics;
  const Mem0Clients mem0{prepared->config, metrics};
  sync::WorkerCounters counters;
  auto scheduler = SchedulerOf(
      *prepared, [&] { return mapping_set; }, mem0, clock, counters);
  if (!scheduler) return PrintUsageError(scheduler.error(), console);
  try {
    const auto id = start(**scheduler, prepared->config);
    if (!id) return PrintUsageError(id.error(), console);
    Session session{prepared->databases.StateDsn(), "membridge backfill"};
    return WorkToEnd(**scheduler, session, *id, options, console);
  } catch (const sync::postgres::SqlFailure& failure) {
    return PrintError(failure.AsError("the state database"), console);
  }
}

int RunNamed(const Options& options, Console& console) {
  return RunToEnd(options, console, [&](sync::Scheduler& scheduler, const Config&) -> Result<std::int64_t> {
    for (const auto& entry : scheduler.Entries()) {
      if (entry.name != options.name) continue;
      sync::RunOptions run = entry.options;
      run.dry_run = options.dry_run;
      run.full = options.full;
      run.allow_vanishing = options.allow_vanishing;
      return scheduler.Start(options.name, run);
    }
    return Fail(ErrorCode::kNotFound, fmt::format("no backfill \"{}\" in the configuration", options.name));
  });
}

int Sweep(const Options& options, Console& console) {
  return RunToEnd(options, console, [&](sync::Scheduler& scheduler, const Config& config) -> Result<std::int64_t> {
    sync::Backfill backfill;
    if (options.project.empty() && config.projects.size() != 1) {
      return Fail(ErrorCode::kRefused, "the configuration has several projects", "say which with --project");
    }
    backfill.project = options.project.empty() ? config.projects.front().id : ProjectId{options.project};
    if (config.FindProject(backfill.project) == nullptr) {
      return Fail(ErrorCode::kNotFound, fmt::format("no project \"{}\" in the configuration", options.project));
    }
    backfill.kind = options.full ? sync::BackfillKind::kFullSweep : sync::BackfillKind::kIncrementalSweep;
    backfill.name = fmt::format("sweep by hand, {}", backfill.project.Text());
    backfill.options.dry_run = options.dry_run;
    backfill.options.allow_vanishing = options.allow_vanishing;
    if (!options.since.empty()) {
      backfill.options.since = ParseWhen(options.since, SystemClock{}.Now());
      if (!backfill.options.since) {
        return Fail(ErrorCode::kRefused, fmt::format("--since: \"{}\" is no time", options.since),
                    "write 2026-03-01, or an age such as 2h");
      }
    }
    return scheduler.Start(backfill);
  });
}

}  // namespace

void AddBackfill(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("backfill", "Exports and sweeps: those configured, and how they went");
  group->require_subcommand(1);

  auto list_options = std::make_shared<Options>();
  CLI::App* list = group->add_subcommand("list", "What is configured");
  list_options->common = AddConfigAndJsonOptions(*list);
  list->callback([=, &choice] { choice = [=](Console& console) { return List(*list_options, console); }; });

  auto run_options = std::make_shared<Options>();
  CLI::App* run = group->add_subcommand("run", "Run one now and wait for its end; a serve that runs may do the work");
  run_options->common = AddConfigAndJsonOptions(*run);
  run->add_option("name", run_options->name, "The backfill's name")->required();
  run->add_flag("--dry-run", run_options->dry_run, "Only look and count");
  run->add_flag("--full", run_options->full, "Exports: every user, changed or not");
  run->add_flag("--allow-vanishing", run_options->allow_vanishing, "Full sweeps: many memories may be missing at once");
  run->callback([=, &choice] { choice = [=](Console& console) { return RunNamed(*run_options, console); }; });

  auto status_options = std::make_shared<Options>();
  CLI::App* status = group->add_subcommand("status", "Runs, newest first");
  status_options->common = AddConfigAndJsonOptions(*status);
  status->add_option("name", status_options->name, "Only of this backfill");
  status->add_option("--limit", status_options->limit, "At most so many")->check(CLI::Range(1, 1000))->capture_default_str();
  status->callback([=, &choice] { choice = OnState(status_options, Status); });
}

void AddSweep(CLI::App& app, Choice& choice) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("sweep", "Compare with Mem0 now and repair what differs; wait for the end");
  options->common = AddConfigAndJsonOptions(*command);
  auto* full = command->add_flag("--full", options->full, "Every memory, and those that are gone");
  command->add_option("--since", options->since, "What changed since then: a time, a day, or an age such as 2h")->excludes(full);
  command->add_option("--project", options->project, "Which project, when there are several");
  command->add_flag("--dry-run", options->dry_run, "Only look and count");
  command->add_flag("--allow-vanishing", options->allow_vanishing, "Many memories may be missing at once");
  command->callback([=, &choice] { choice = [=](Console& console) { return Sweep(*options, console); }; });
}

}  // namespace membridge::admin
