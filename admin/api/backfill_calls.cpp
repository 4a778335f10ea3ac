// Operations on scheduled exports and sweeps and on their runs.
#include <limits>
#include <memory>

#include "admin/api/context.hpp"
#include "admin/config/values.hpp"
#include "admin/runtime/backfilling.hpp"
#include "admin/shown/backfill_text.hpp"
#include "sync/backfill/run_store.hpp"
#include "sync/schedule/backfill_status.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;
using sync::RunStore;
using sync::postgres::Transaction;

/// The largest number of PostgreSQL's bigint.
constexpr std::size_t kLargestNumber = std::numeric_limits<std::int64_t>::max();

Answer ListBackfills(Call& call, const Parts& parts) {
  Transaction transaction = call.Begin();
  ordered_json list = ordered_json::array();
  for (const auto& standing : sync::StandingsOf(transaction, BackfillsOf(parts.config), call.now))
    list.push_back(AsJson(standing));
  return ordered_json{{"backfills", std::move(list)}};
}

tl::expected<sync::Backfill, Problem> EntryOf(const Call& call, const Parts& parts) {
  const std::string name = call.Path("backfill");
  for (sync::Backfill& entry : BackfillsOf(parts.config)) {
    if (entry.name == name) return std::move(entry);
  }
  return Refuse(404, "not_found", "the configuration has no such backfill", "GET /api/v1/backfills lists them");
}

Answer PauseOrResume(Call& call, const Parts& parts, bool pause) {
  const auto entry = EntryOf(call, parts);
  if (!entry) return tl::unexpected<Problem>(entry.error());
  Transaction transaction = call.Begin();
  if (pause) {
    sync::PauseBackfill(transaction, *entry, call.now);
  } else if (const auto resumed = sync::ResumeBackfill(transaction, *entry, call.now); !resumed) {
    return Refuse(resumed.error());
  }
  const auto standing = sync::StandingsOf(transaction, {*entry}, call.now).front();
  transaction.Commit();
  parts.wake_backfills();
  return AsJson(standing);
}

/// Makes a scheduler that only queues runs.
tl::expected<std::unique_ptr<sync::Scheduler>, Problem> Asking(const Parts& parts, const Clock& clock) {
  const auto never = [](const sync::Run&) -> Result<std::unique_ptr<sync::Job>> {
    return Fail(ErrorCode::kRefused, "not worked here");
  };
  auto scheduler = sync::Scheduler::Make({}, parts.databases.StateDsn(), BackfillsOf(parts.config), never, clock);
  if (!scheduler) return Refuse(scheduler.error());
  return std::move(*scheduler);
}

Answer ListRuns(Call& call) {
  Transaction transaction = call.Begin();
  const std::optional<std::string> cursor = call.Query("cursor");
  std::optional<std::int64_t> before;
  if (cursor) {
    const auto number = ParseCount(*cursor);
    if (!number || *number > kLargestNumber)
      return Refuse(400, "bad_cursor", "the cursor is not one of this list", "start again without a cursor");
    before = static_cast<std::int64_t>(*number);
  }
  const auto limit = call.query["limit"].get<std::size_t>();
  auto found = RunStore{transaction}.List(call.Query("name"), limit + 1, before);
  ordered_json next = nullptr;
  if (found.size() > limit) {
    found.resize(limit);
    next = std::to_string(found.back().id);
  }
  ordered_json runs = ordered_json::array();
  for (const sync::Run& run : found) runs.push_back(AsJson(run));
  return ordered_json{{"runs", std::move(runs)}, {"next", std::move(next)}};
}

Answer ShowRun(Call& call, std::int64_t id) {
  Transaction transaction = call.Begin();
  const auto run = RunStore{transaction}.Find(id);
  if (!run) return Refuse(404, "not_found", "there is no such run", "the oldest of each name are forgotten");
  return AsJson(*run);
}

Answer Started(Call& call, const Result<std::int64_t>& id, const Parts& parts) {
  if (!id) return Refuse(id.error());
  call.detail["run"] = *id;
  parts.wake_backfills();
  return ShowRun(call, *id);
}

/// Reads the options of a run from a request's body.
tl::expected<sync::RunOptions, Problem> OptionsFrom(const Call& call) {
  sync::RunOptions options;
  options.dry_run = call.body.value("dry_run", false);
  options.full = call.body.value("full", false);
  options.allow_vanishing = call.body.value("allow_vanishing", false);
  const auto since = TimeIn(call.body, "since", call.now);
  if (!since) return tl::unexpected<Problem>(since.error());
  options.since = *since;
  return options;
}

Answer Start(Call& call, const Parts& parts) {
  call.detail = call.body;
  const SystemClock clock;
  const auto scheduler = Asking(parts, clock);
  if (!scheduler) return tl::unexpected<Problem>(scheduler.error());
  const auto options = OptionsFrom(call);
  if (!options) return tl::unexpected<Problem>(options.error());
  return Started(call, (*scheduler)->Start(call.Path("backfill"), *options), parts);
}

Answer Sweep(Call& call, const Parts& parts) {
  call.detail = call.body;
  call.object = call.body["project"].get<std::string>();
  const auto project = ProjectOf(parts.config, call.object);
  if (!project) return tl::unexpected<Problem>(project.error());
  const auto options = OptionsFrom(call);
  if (!options) return tl::unexpected<Problem>(options.error());
  sync::Backfill backfill;
  backfill.project = (*project)->id;
  backfill.kind = call.body["kind"] == "full" ? sync::BackfillKind::kFullSweep : sync::BackfillKind::kIncrementalSweep;
  backfill.name = "sweep by hand, " + backfill.project.Text();
  backfill.options = *options;
  const SystemClock clock;
  const auto scheduler = Asking(parts, clock);
  if (!scheduler) return tl::unexpected<Problem>(scheduler.error());
  return Started(call, (*scheduler)->Start(backfill), parts);
}

using Change = std::function<Result<sync::RunState>(Transaction&, std::int64_t)>;

Answer ChangeRun(Call& call, const Parts& parts, const Change& change) {
  const auto id = call.path["run"].get<std::int64_t>();
  Transaction transaction = call.Begin();
  const auto changed = change(transaction, id);
  if (!changed) return Refuse(changed.error());
  transaction.Commit();
  parts.wake_backfills();
  return ShowRun(call, id);
}

}  // namespace

void AddBackfillCalls(Handlers& handlers, const Parts& parts) {
  handlers["listBackfills"] = [&parts](Call& call) { return ListBackfills(call, parts); };
  handlers["listRuns"] = ListRuns;
  handlers["readRun"] = [](Call& call) { return ShowRun(call, call.path["run"].get<std::int64_t>()); };
  handlers["startBackfill"] = [&parts](Call& call) { return Start(call, parts); };
  handlers["startSweep"] = [&parts](Call& call) { return Sweep(call, parts); };
  handlers["pauseBackfill"] = [&parts](Call& call) { return PauseOrResume(call, parts, true); };
  handlers["resumeBackfill"] = [&parts](Call& call) { return PauseOrResume(call, parts, false); };
  handlers["cancelRun"] = [&parts](Call& call) {
    return ChangeRun(call, parts,
                     [&](Transaction& transaction, std::int64_t id) { return RunStore{transaction}.Cancel(id, call.now); });
  };
  handlers["pauseRun"] = [&parts](Call& call) {
    return ChangeRun(call, parts, [](Transaction& transaction, std::int64_t id) { return RunStore{transaction}.Pause(id); });
  };
  handlers["resumeRun"] = [&parts](Call& call) {
    return ChangeRun(call, parts,
                     [&](Transaction& transaction, std::int64_t id) { return RunStore{transaction}.Resume(id, call.now); });
  };
}

}  // namespace membridge::admin::api
