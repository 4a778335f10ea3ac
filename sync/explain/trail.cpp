#include "sync/explain/trail.hpp"

#include <algorithm>

#include "mappings/base/exact_json.hpp"
#include "sync/postgres/column.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;
using postgres::Column;
using postgres::Rows;
using postgres::TimeAt;

/// A delivery may be committed this much after later ones, so each look reaches back this far.
constexpr const char* kLateBy = "10 seconds";
constexpr int kDeliveriesPerLook = 1000;

const std::string kNewDeliveries = std::string{R"(
    SELECT d.id, d.received_at, d.project, d.verdict, to_json(d.memories)::text, d.xid::text
    FROM membridge.deliveries AS d
    WHERE d.received_at >= greatest($1::timestamptz, $2::timestamptz - interval ')"} +
                                   kLateBy + R"(')
      AND ($3::text IS NULL OR d.project = $3) AND d.id <> ALL ($4::uuid[])
    ORDER BY d.received_at, d.id LIMIT $5::int)";

// Reads what is known of each memory. A memory may not be marked before its delivery is folded.
constexpr const char* kStandings = R"(
    SELECT c.project, c.memory_id, clock_timestamp(),
           c.stored_by IS NULL OR coalesce(pg_visible_in_snapshot(c.stored_by::xid8, f.snapshot::pg_snapshot), false),
           d.memory_id IS NOT NULL, coalesce(d.claimed_until > clock_timestamp(), false), coalesce(d.attempts, 0),
           d.blocked_since IS NOT NULL, coalesce(d.last_error, ''),
           m.memory_id IS NOT NULL, m.read_at, m.gone_at IS NOT NULL, coalesce(m.waits, false), coalesce(m.user_id, ''),
           p.place, p.code, p.cause, coalesce(m.read_at >= c.received_at, false), coalesce(p.tried_at >= c.received_at, false)
    FROM unnest($1::smallint[], $2::text[], $3::text[], $4::timestamptz[], $5::text[])
         AS c (bucket, project, memory_id, received_at, stored_by)
    CROSS JOIN membridge.fold AS f
    LEFT JOIN membridge.dirty AS d ON d.bucket = c.bucket AND d.project = c.project AND d.memory_id = c.memory_id
    LEFT JOIN membridge.memories AS m ON m.bucket = c.bucket AND m.project = c.project AND m.memory_id = c.memory_id
    LEFT JOIN LATERAL (SELECT place, code, cause, tried_at FROM membridge.parked AS p
                       WHERE p.project = c.project AND p.memory_id = c.memory_id ORDER BY tried_at DESC LIMIT 1) AS p ON true)";

constexpr const char* kRowsOfMemories = R"(
    SELECT c.project, c.source, l.relation, l.identity::text, c.mapping, c.cells::text
    FROM unnest($1::text[], $2::text[]) AS w (project, source)
    JOIN membridge.contributions AS c ON c.project = w.project AND c.source = w.source
    JOIN membridge.rows AS l ON l.id = c.row_id ORDER BY l.relation, l.id)";

json SaidIn(const std::string& cells) {
  const json parsed = mappings::ParseExact(cells);
  json said = json::object();
  for (const auto& [name, cell] : parsed.items()) said[name] = cell.contains("v") ? cell["v"] : json();
  return said;
}

}  // namespace

std::string_view NameOf(TrailStep::Kind kind) {
  switch (kind) {
    case TrailStep::Kind::kReceived:
      return "received";
    case TrailStep::Kind::kReading:
      return "reading";
    case TrailStep::Kind::kApplied:
      return "applied";
    case TrailStep::Kind::kWithdrawn:
      return "withdrawn";
    case TrailStep::Kind::kUnknown:
      return "unknown";
    case TrailStep::Kind::kParked:
      return "parked";
    case TrailStep::Kind::kBlocked:
      return "blocked";
    case TrailStep::Kind::kRetried:
      break;
  }
  return "retried";
}

Trail::Trail(postgres::Session& state, std::vector<Ledger> ledgers, TrailFilter filter)
    : state_(state), ledgers_(std::move(ledgers)), filter_(std::move(filter)) {
  since_ = state_.Run("SELECT clock_timestamp()").Text(0, 0);
}

std::vector<TrailStep> Trail::Look() {
  std::vector<TrailStep> steps;
  TakeDeliveries(steps);
  TakeOutcomes(steps);
  AddRows(steps);
  return steps;
}

void Trail::TakeDeliveries(std::vector<TrailStep>& steps) {
  std::string latest = since_;
  std::vector<postgres::Param> known;
  for (const auto& [id, received] : seen_) {
    latest = std::max(latest, received);
    known.emplace_back(id);
  }
  const Rows rows =
      state_.Run(kNewDeliveries, {since_, latest, filter_.project, postgres::ArrayOf(known), std::to_string(kDeliveriesPerLook)});
  for (std::size_t row = 0; row < rows.size(); ++row) {
    TrailStep step{TrailStep::Kind::kReceived,
                   TimeAt(rows, row, 1),
                   std::string{rows.Text(row, 0)},
                   std::string{rows.Text(row, 2)},
                   std::string{rows.Text(row, 3)},
                   {},
                   {},
                   false,
                   {},
                   {}};
    seen_[step.delivery] = rows.Text(row, 1);
    const json memories = json::parse(rows.Text(row, 4));
    if (memories.empty() && !filter_.user) steps.push_back(step);
    for (const json& memory : memories) {
      step.memory = memory.get<std::string>();
      // A later delivery replaces one that is not settled yet, because one read serves both.
      Pending& pending = pending_[{step.project, step.memory}];
      pending = Pending{step, std::string{rows.Text(row, 5)}, !filter_.user, false, false, 0, pending.read_before};
      if (!filter_.user) steps.push_back(step);
    }
  }
  // Remember only deliveries that the next look may return again.
  if (seen_.size() < 2 * static_cast<std::size_t>(kDeliveriesPerLook)) return;
  const std::string oldest{
      state_.Run(std::string{"SELECT $1::timestamptz - 2 * interval '"} + kLateBy + "'", {latest}).Text(0, 0)};
  std::erase_if(seen_, [&](const auto& one) { return one.second < oldest; });
}

std::optional<TrailStep> Trail::StepOf(const Rows& rows, std::size_t row, Pending& pending) {
  TrailStep step = pending.received;
  step.at = TimeAt(rows, row, 2);
  const bool folded = rows.Bool(row, 3), dirty = rows.Bool(row, 4), is_known = rows.Bool(row, 9);
  const std::string read{rows.Text(row, 10)};
  const bool was_read = rows.Bool(row, 17) || (pending.read_before && is_known && *pending.read_before != read);
  if (!pending.read_before) pending.read_before = read;
  const auto end = [&](TrailStep::Kind kind) {
    step.kind = kind;
    if (was_read && is_known) step.at = std::max(TimeAt(rows, row, 10), pending.received.at);
    step.lag = step.at - pending.received.at;
    return step;
  };
  if (rows.Bool(row, 18)) {
    step.note = std::string{rows.Text(row, 14)} + ": " + std::string{rows.Text(row, 15)};
    step.cause = rows.Text(row, 16);
    return end(TrailStep::Kind::kParked);
  }
  if (is_known && (was_read || (folded && !dirty))) {
    step.waits = rows.Bool(row, 12);
    return end(rows.Bool(row, 11) ? TrailStep::Kind::kWithdrawn : TrailStep::Kind::kApplied);
  }
  if (folded && !dirty) return end(TrailStep::Kind::kUnknown);
  step.note = rows.Text(row, 8);
  const auto once = [&](bool& told, TrailStep::Kind kind) {
    const bool again = std::exchange(told, true);
    step.kind = kind;
    return again ? std::nullopt : std::optional{step};
  };
  if (rows.Bool(row, 7)) return once(pending.blocked, TrailStep::Kind::kBlocked);
  if (const std::int64_t attempts = rows.Int(row, 6); attempts > pending.attempts) {
    pending.attempts = attempts;
    step.kind = TrailStep::Kind::kRetried;
    return step;
  }
  if (!rows.Bool(row, 5)) return std::nullopt;
  step.note.clear();
  return once(pending.reading, TrailStep::Kind::kReading);
}

void Trail::TakeOutcomes(std::vector<TrailStep>& steps) {
  if (pending_.empty()) return;
  Column buckets, projects, memories, received, stored_by;
  for (const auto& [key, pending] : pending_) {
    buckets.AddNumber(BucketOf(ProjectId{key.first}, MemoryId{key.second}));
    projects.AddText(key.first);
    memories.AddText(key.second);
    received.AddTime(pending.received.at);
    if (pending.transaction.empty())
      stored_by.AddNull();
    else
      stored_by.AddText(pending.transaction);
  }
  const Rows rows = state_.Run(kStandings, {buckets.Take(), projects.Take(), memories.Take(), received.Take(), stored_by.Take()});
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto found = pending_.find({std::string{rows.Text(row, 0)}, std::string{rows.Text(row, 1)}});
    Pending& pending = found->second;
    const auto step = StepOf(rows, row, pending);
    const bool meant = !filter_.user || rows.Text(row, 13) == *filter_.user;
    if (step && meant) {
      if (!std::exchange(pending.told, true)) steps.push_back(pending.received);
      steps.push_back(*step);
    }
    if (step && step->lag) pending_.erase(found);
  }
}

void Trail::AddRows(std::vector<TrailStep>& steps) {
  Column projects, sources;
  std::map<Key, TrailStep*> by_memory;
  for (TrailStep& step : steps) {
    if (step.kind != TrailStep::Kind::kApplied) continue;
    projects.AddText(step.project);
    sources.AddText(step.memory);
    by_memory[{step.project, step.memory}] = &step;
  }
  if (by_memory.empty()) return;
  const std::vector<postgres::Param> who{projects.Take(), sources.Take()};
  for (const Ledger& ledger : ledgers_) {
    const Rows rows = (ledger.session == nullptr ? state_ : *ledger.session).Run(kRowsOfMemories, who);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      by_memory.at({std::string{rows.Text(row, 0)}, std::string{rows.Text(row, 1)}})
          ->rows.push_back({ledger.name, std::string{rows.Text(row, 2)}, std::string{rows.Text(row, 4)},
                            mappings::ParseExact(rows.Text(row, 3)), SaidIn(std::string{rows.Text(row, 5)})});
    }
  }
}

}  // namespace membridge::sync
