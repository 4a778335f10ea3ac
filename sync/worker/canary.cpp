#include "sync/worker/canary.hpp"

#include <algorithm>
#include <utility>

#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using namespace std::chrono_literals;
using CanaryOutcome = CanaryView::Outcome;
using postgres::Rows;
using postgres::Session;

constexpr auto kLookAgain = 500ms;
constexpr auto kLongestPause = 10'000ms;
constexpr const char* kText = "Membridge canary: this memory proves that deliveries arrive. It removes itself.";

std::string Milliseconds(std::chrono::milliseconds time) {
  return std::to_string(time.count());
}

CanaryOutcome OutcomeNamed(std::string_view name) {
  for (const CanaryOutcome outcome : {CanaryOutcome::kHeard, CanaryOutcome::kLost, CanaryOutcome::kFailed}) {
    if (name == NameOf(outcome)) return outcome;
  }
  return CanaryOutcome::kNone;
}

}  // namespace

bool IsCanary(const nlohmann::json& record) {
  const auto user = record.find("user_id");
  const auto metadata = record.find("metadata");
  return user != record.end() && *user == kCanaryUser && metadata != record.end() && metadata->is_object() &&
         metadata->contains(kCanaryMark);
}

std::string_view NameOf(CanaryView::Outcome outcome) {
  switch (outcome) {
    case CanaryOutcome::kNone:
      return "none";
    case CanaryOutcome::kHeard:
      return "heard";
    case CanaryOutcome::kLost:
      return "lost";
    case CanaryOutcome::kFailed:
      return "failed";
  }
  return "none";
}

struct Canary::Row {
  std::optional<std::string> memory;
  std::chrono::milliseconds out_for{0};
  std::optional<std::chrono::milliseconds> heard_after;
};

CanaryView Canary::Step(Session& session, mem0::Client& client, std::optional<Error>& error) {
  const auto row = Take(session);
  if (!row) return Read(session, false);
  if (!row->memory) {
    const auto out = LetOut(session, client);
    if (out) return Read(session, false);
    error = out.error();
    Conclude(session, CanaryOutcome::kFailed, 0ms);
    return Read(session, true);
  }
  if (!row->heard_after && row->out_for < options_.deadline) {
    session.Run("UPDATE membridge.canaries SET leased_until = '-infinity' WHERE project = $1", {project_.Text()});
    return Read(session, false);
  }
  // Remove the canary in any case. If that fails now, it is removed before the next one.
  if (const auto removed = RemoveAll(session, client); !removed) error = removed.error();
  Conclude(session, row->heard_after ? CanaryOutcome::kHeard : CanaryOutcome::kLost, row->heard_after.value_or(0ms));
  return Read(session, true);
}

void Canary::Hurry(Session& session) const {
  session.Run(
      "INSERT INTO membridge.canaries (project, due_at) VALUES ($1, clock_timestamp()) ON CONFLICT (project) DO UPDATE SET "
      "due_at = "
      "least(canaries.due_at, clock_timestamp())",
      {project_.Text()});
}

/// Returns the row when something is due and no other process holds it.
std::optional<Canary::Row> Canary::Take(Session& session) const {
  // The first one waits: the webhook may be about to be registered.
  session.Run(
      "INSERT INTO membridge.canaries (project, due_at) VALUES ($1, clock_timestamp() + $2::bigint * interval '1 millisecond') "
      "ON CONFLICT DO NOTHING",
      {project_.Text(), Milliseconds(options_.every)});
  const Rows rows = session.Run(
      "UPDATE membridge.canaries c SET leased_until = clock_timestamp() + interval '2 minutes' "
      "WHERE project = $1 AND leased_until <= clock_timestamp() AND (memory_id IS NOT NULL OR due_at <= clock_timestamp()) "
      "RETURNING memory_id, (extract(epoch FROM clock_timestamp() - let_out_at) * 1000)::bigint, "
      "(SELECT (extract(epoch FROM min(d.received_at) - c.let_out_at) * 1000)::bigint FROM membridge.deliveries d "
      " WHERE d.project = c.project AND d.memories @> ARRAY[c.memory_id] AND d.received_at >= c.let_out_at - interval '5 "
      "minutes')",
      {project_.Text()});
  if (rows.empty()) return std::nullopt;
  Row row;
  row.memory = rows.Optional(0, 0);
  if (row.memory) row.out_for = std::chrono::milliseconds{rows.Int(0, 1)};
  if (row.memory && !rows.IsNull(0, 2)) row.heard_after = std::chrono::milliseconds{std::max<std::int64_t>(0, rows.Int(0, 2))};
  return row;
}

Result<void> Canary::LetOut(Session& session, mem0::Client& client) const {
  if (auto removed = RemoveAll(session, client); !removed) return removed;
  const Rows now = session.Run("SELECT clock_timestamp()");
  const auto added = client.AddMemory(kText, kCanaryUser, {{kCanaryMark, now.Optional(0, 0).value()}});
  if (!added) return tl::unexpected<Error>(added.error());
  session.Run(
      "UPDATE membridge.canaries SET memory_id = $2, let_out_at = $3::timestamptz, leased_until = '-infinity' WHERE project = $1",
      {project_.Text(), added->Text(), now.Optional(0, 0)});
  return {};
}

/// Removes every canary at Mem0: this one, and those that a crash or a refusal left. Also removes earlier ones from the mirror.
Result<void> Canary::RemoveAll(Session& session, mem0::Client& client) const {
  const auto page = client.ListMemories(mem0::Filter::OfUser(kCanaryUser), 1);
  if (!page) return tl::unexpected<Error>(page.error());
  for (const mappings::Memory& memory : page->memories) {
    if (!IsCanary(memory.record)) continue;
    if (auto gone = client.DeleteMemory(memory.id); !gone && gone.error().code != ErrorCode::kNotFound) return gone;
  }
  session.Run(
      "DELETE FROM membridge.memories WHERE project = $1 AND hashtextextended(user_id, 0) = hashtextextended($2, 0) AND user_id "
      "= $2 AND gone_at < clock_timestamp() - interval '10 "
      "minutes'",
      {project_.Text(), kCanaryUser});
  return {};
}

void Canary::Conclude(Session& session, CanaryOutcome outcome, std::chrono::milliseconds after) const {
  session.Run(
      "UPDATE membridge.canaries SET memory_id = NULL, let_out_at = NULL, leased_until = '-infinity', last = $2, last_at = "
      "clock_timestamp(), "
      "heard_ms = CASE WHEN $2 = 'heard' THEN $3::bigint ELSE heard_ms END, misses = CASE WHEN $2 = 'heard' THEN 0 ELSE misses + "
      "1 END, "
      "due_at = clock_timestamp() + $4::bigint * interval '1 millisecond' WHERE project = $1",
      {project_.Text(), std::string{NameOf(outcome)}, Milliseconds(after), Milliseconds(options_.every)});
}

CanaryView Canary::Read(Session& session, bool news) const {
  const Rows rows = session.Run(
      "SELECT memory_id IS NOT NULL, last, last_at, heard_ms, misses, "
      "greatest(0, extract(epoch FROM due_at - clock_timestamp()) * 1000)::bigint FROM membridge.canaries WHERE project = $1",
      {project_.Text()});
  CanaryView view;
  if (rows.empty()) return view;
  view.waiting = rows.Bool(0, 0);
  view.last = OutcomeNamed(rows.Text(0, 1));
  view.last_at = postgres::OptionalTimeAt(rows, 0, 2);
  view.heard_after = std::chrono::milliseconds{rows.Int(0, 3)};
  view.misses = static_cast<int>(rows.Int(0, 4));
  view.next = view.waiting
                  ? kLookAgain
                  : std::clamp<std::chrono::milliseconds>(std::chrono::milliseconds{rows.Int(0, 5)}, kLookAgain, kLongestPause);
  view.news = news;
  return view;
}

}  // namespace membridge::sync
