// `backfill run` and `sweep`: runs that a person waits for.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <stop_token>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/prepared.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/mapping_files/mapping_snapshot.hpp"
#include "admin/runtime/backfilling.hpp"
#include "admin/runtime/metrics.hpp"
#include "admin/shown/backfill_text.hpp"
#include "admin/shown/filters.hpp"
#include "admin/shown/progress.hpp"
#include "mappings/base/pause.hpp"
#include "sync/backfill/run_store.hpp"
#include "sync/schedule/jobs.hpp"

namespace membridge::admin {
namespace {

using sync::postgres::Session;
using sync::postgres::Transaction;

struct BackfillRunOptions {
  std::shared_ptr<CommonOptions> common;
  std::string name, project, since;
  bool full = false;
  bool dry_run = false;
  bool allow_vanishing = false;
  bool no_wait = false;
};

sync::Run RunToFollow(Session& session, std::int64_t id) {
  Transaction transaction = session.Begin();
  auto run = sync::RunStore{transaction}.Find(id);
  if (!run) throw std::runtime_error("the run was forgotten before it ended");
  return *run;
}

int PrintRun(const sync::Run& run, const BackfillRunOptions& options, Console& console) {
  if (options.common->json) {
    fmt::print(console.out, "{}\n", AsJson(run).dump(2));
  } else {
    fmt::print(console.out, "{}\n", LineOf(run));
  }
  if (run.Active()) return kDone;
  return run.state == sync::RunState::kDone ? kDone : kFoundProblems;
}

/// Reads the memories that the run left to the workers because they were marked already. There may be no running serve. Reads
/// nothing else.
void ReadMarked(sync::Worker& worker, const sync::Run& run) {
  for (std::int64_t left = run.Counter("already_marked"); left > 0;) {
    const auto read = worker.RunOnce();
    if (!read || *read == 0) return;
    left -= static_cast<std::int64_t>(*read);
  }
}

/// Works on a run until its end, here or in a serve that took it first, and shows its progress. Memories that the run leaves to
/// be read again are read by `worker`, because there may be no running serve.
int WorkToEnd(sync::Scheduler& scheduler, sync::Worker& worker, Session& session, std::int64_t id,
              const BackfillRunOptions& options, Console& console) {
  const std::stop_source nobody_stops;
  ProgressDisplay display{console.err, ProgressDisplay::ForStderr()};
  scheduler.WorkOnly(id);
  for (;;) {
    const auto worked = scheduler.RunOnce();
    if (!worked) {
      display.End();
      return PrintError(worked.error(), console);
    }
    const sync::Run run = RunToFollow(session, id);
    if (!run.Active() || run.state == sync::RunState::kPaused) {
      display.End();
      ReadMarked(worker, run);
      return PrintRun(run, options, console);
    }
    display.Show(LookAt(run));
    if (*worked) continue;
    const auto read = worker.RunOnce();
    if (!read || *read == 0) Pause(nobody_stops.get_token(), scheduler.NextDue(std::chrono::milliseconds{500}));
  }
}

void NoteStart(Session& session, Console& console, const std::string& action, const BackfillRunOptions& options,
               const Result<std::int64_t>& id) {
  nlohmann::json detail{{"full", options.full}, {"allow_vanishing", options.allow_vanishing}};
  if (id) detail["run"] = *id;
  NoteInAudit(session, console, action, options.name.empty() ? options.project : options.name, id ? nullptr : &id.error(),
              std::move(detail));
}

/// Queues a run with `start` and works on it, or leaves it to a serve.
int RunToEnd(const BackfillRunOptions& options, Console& console, const std::string& action,
             const std::function<Result<std::int64_t>(sync::Scheduler&, const Config&)>& start) {
  const auto prepared = Prepare(options.common->config, {}, console);
  if (!prepared) return prepared.error();
  const auto migrated = MigrateAndNote(prepared->config, prepared->databases, console);
  if (!migrated) return PrintError(migrated.error(), console);
  auto mapping_set = BuildMappingSet(prepared->config, prepared->mappings, prepared->catalogs);
  const SystemClock clock;
  Metrics metrics;
  const Mem0Clients mem0{prepared->config, prepared->databases.StateDsn(), metrics};
  sync::WorkerCounters counters;
  const auto parts = JobPartsOf(
      prepared->config, prepared->databases.StateDsn(), [&mapping_set] { return mapping_set; }, mem0, clock, counters);
  auto scheduler = MakeScheduler(prepared->config, parts);
  if (!scheduler) return PrintUsageError(scheduler.error(), console);
  try {
    const auto id = start(**scheduler, prepared->config);
    Session session{prepared->databases.StateDsn(), "membridge backfill"};
    if (!options.dry_run) NoteStart(session, console, action, options, id);
    if (!id) return PrintUsageError(id.error(), console);
    if (options.no_wait) return PrintRun(RunToFollow(session, *id), options, console);
    sync::Worker worker{parts.worker, parts.state_dsn, parts.mappings, parts.background_client, clock, counters};
    return WorkToEnd(**scheduler, worker, session, *id, options, console);
  } catch (const sync::postgres::SqlFailure& failure) {
    return PrintError(failure.AsError("the state database"), console);
  }
}

int RunNamed(const BackfillRunOptions& options, Console& console) {
  return RunToEnd(options, console, "backfill.run", [&](sync::Scheduler& scheduler, const Config&) -> Result<std::int64_t> {
    sync::RunOptions asked;
    asked.dry_run = options.dry_run;
    asked.full = options.full;
    asked.allow_vanishing = options.allow_vanishing;
    return scheduler.Start(options.name, asked);
  });
}

Result<sync::Backfill> SweepAskedFor(const BackfillRunOptions& options, const Config& config) {
  const auto project = ProjectMeant(config, options.project);
  if (!project) return tl::unexpected<Error>(project.error());
  sync::Backfill backfill;
  backfill.project = *project;
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
  return backfill;
}

int Sweep(const BackfillRunOptions& options, Console& console) {
  return RunToEnd(options, console, "sweep.run", [&](sync::Scheduler& scheduler, const Config& config) -> Result<std::int64_t> {
    const auto backfill = SweepAskedFor(options, config);
    if (!backfill) return tl::unexpected<Error>(backfill.error());
    return scheduler.Start(*backfill);
  });
}

/// Adds the options of both commands.
void AddRunOptions(CLI::App& command, BackfillRunOptions& options) {
  options.common = AddConfigAndJsonOptions(command);
  command.add_flag("--dry-run", options.dry_run, "Only look and count: neither rows nor Mem0 are changed");
  command.add_flag("--allow-vanishing", options.allow_vanishing,
                   "Withdraw rows even when more is gone from Mem0 at once than the guard lets pass");
  command.add_flag("--no-wait", options.no_wait, "Leave it to a serve that runs, and return");
}

}  // namespace

void AddBackfillRun(CLI::App& group, Choice& choice) {
  auto options = std::make_shared<BackfillRunOptions>();
  CLI::App* run = group.add_subcommand("run", "Run one now and wait for its end; a serve that runs may do the work");
  AddRunOptions(*run, *options);
  run->add_option("name", options->name, "The backfill's name")->required();
  run->add_flag("--full", options->full, "Exports: every user, changed or not");
  run->callback([=, &choice] { choice = [=](Console& console) { return RunNamed(*options, console); }; });
}

void AddSweep(CLI::App& app, Choice& choice) {
  auto options = std::make_shared<BackfillRunOptions>();
  CLI::App* command = app.add_subcommand("sweep", "Compare with Mem0 now and repair what differs; wait for the end");
  AddRunOptions(*command, *options);
  auto* full = command->add_flag("--full", options->full, "Every memory, and those that are gone");
  command->add_option("--since", options->since, "What changed since then: a time, a day, or an age such as 2h")->excludes(full);
  command->add_option("--project", options->project, "Which project, when there are several");
  command->callback([=, &choice] { choice = [=](Console& console) { return Sweep(*options, console); }; });
}

}  // namespace membridge::admin
