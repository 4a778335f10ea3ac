#include "sync/erase/erasure.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "sync/erase/erasure_target.hpp"
#include "sync/postgres/column.hpp"
#include "sync/queue/mirror.hpp"
#include "sync/queue/queue.hpp"
#include "sync/targets/ledger_tie.hpp"

namespace membridge::sync {
namespace {

using postgres::ArrayOf;
using postgres::Param;
using postgres::Rows;
using postgres::Session;
using postgres::SqlFailure;
using postgres::TimeAt;
using postgres::Transaction;

constexpr const char* kLockPatience = "SELECT set_config('lock_timeout', '30s', true)";

std::vector<std::string> Texts(const Rows& rows) {
  std::vector<std::string> texts;
  for (std::size_t row = 0; row < rows.size(); ++row) texts.emplace_back(rows.Text(row, 0));
  return texts;
}

Param TargetNames(const std::vector<std::string>& texts) {
  return ArrayOf({texts.begin(), texts.end()});
}

/// The parts of the state that name a person, each with the condition that finds them: $1 project, $2 memories, $3 user, $4 texts
/// in a body that name the user. The table that holds the memories' ids comes last.
struct Part {
  const char* count;
  const char* from;
  const char* condition;
};
constexpr Part kParts[] = {
    // Some deliveries name the user, although Mem0 does not document it.
    {"deliveries", "membridge.deliveries d",
     "d.project = $1 AND (d.memories && $2::text[] OR EXISTS (SELECT FROM unnest($4::text[]) AS n(named) WHERE "
     "position(convert_to(n.named, "
     "'UTF8') IN d.body) > 0))"},
    {"events", "membridge.events e", "e.project = $1 AND e.memory_id = ANY ($2::text[])"},
    {"dirty", "membridge.dirty d", "d.project = $1 AND d.memory_id = ANY ($2::text[])"},
    {"dirty", "membridge.contradictions c", "c.project = $1 AND c.memory_id = ANY ($2::text[])"},
    {"dirty", "membridge.vanished v", "v.project = $1 AND v.memory_id = ANY ($2::text[])"},
    {"parked", "membridge.parked p", "p.project = $1 AND (p.memory_id = ANY ($2::text[]) OR p.memory_id = 'user/' || $3)"},
    {"exports", "membridge.export_jobs j",
     "j.entity = $3 AND EXISTS (SELECT FROM membridge.backfill_runs r WHERE r.id = j.run AND r.project = $1)"},
    {"exports", "membridge.exported e", "e.project = $1 AND e.entity = $3"},
    {"sweep_notes", "membridge.sweep_seen s",
     "s.memory_id = ANY ($2::text[]) AND EXISTS (SELECT FROM membridge.backfill_runs r WHERE r.id = s.run AND r.project = $1)"},
    {"sweep_notes", "membridge.sweep_doubts s",
     "s.memory_id = ANY ($2::text[]) AND EXISTS (SELECT FROM membridge.backfill_runs r WHERE r.id = s.run AND r.project = $1)"},
    {"memories", "membridge.memories m",
     "m.project = $1 AND hashtextextended(m.user_id, 0) = hashtextextended($3, 0) AND m.user_id = $3"},
};

std::string BodyNaming(const std::string& key, const std::string& gap, const std::string& user) {
  return nlohmann::json(key).dump() + ":" + gap +
         nlohmann::json(user).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// $1 to $4 of kParts; PostgreSQL refuses parameters a statement does not name, so all are named once more.
std::vector<Param> Names(const ProjectId& project, const std::vector<std::string>& memories, const std::string& user) {
  std::vector<std::string> named;
  for (const char* key : {"user_id", "userId"}) {
    for (const char* gap : {"", " "}) named.push_back(BodyNaming(key, gap, user));
  }
  return {project.Text(), TargetNames(memories), user, TargetNames(named)};
}

std::string Sql(const char* begin, const Part& part) {
  std::string sql = begin;
  sql += part.from;
  sql += " WHERE ($1::text, $3::text, $2::text[], $4::text[]) IS NOT NULL AND ";
  return sql + part.condition;
}

std::vector<std::string> MemoriesOf(Transaction& transaction, const ProjectId& project, const std::string& user) {
  return Texts(
      transaction.Run("SELECT memory_id FROM membridge.memories WHERE project = $1 AND hashtextextended(user_id, 0) = "
                      "hashtextextended($2, 0) AND user_id = $2",
                      {project.Text(), user}));
}

void Add(ErasureCounts& counts, const ErasureCounts& more) {
  for (const auto& [name, count] : more) counts[name] += count;
}

/// The sources as the ledger names them: the memories, and the user for exports.
ErasedSources SourcesOf(const ProjectId& project, std::string user_hash, std::vector<std::string> memories,
                        const std::string& user) {
  memories.push_back(user);
  return {project, std::move(user_hash), std::move(memories)};
}

}  // namespace

struct Erasure::Begun {
  std::string id, user_hash;
  Instant begun_at;
  std::vector<std::string> memories;
  ErasureCounts counts;
};

Erasure::Erasure(std::string state_dsn, std::vector<ErasureTarget> targets, ProjectId project, std::string user)
    : state_dsn_(std::move(state_dsn)), targets_(std::move(targets)), project_(std::move(project)), user_(std::move(user)) {}

Result<ErasureCounts> Erasure::Count() const {
  try {
    Session session{state_dsn_, "membridge erase"};
    if (const auto asked = AskLedgers(session); !asked) return tl::unexpected<Error>(asked.error());
    ErasureCounts counts;
    Transaction state = session.Begin();
    const auto memories = MemoriesOf(state, project_, user_);
    for (const Part& part : kParts)
      counts[part.count] += state.Run(Sql("SELECT count(*) FROM ", part), Names(project_, memories, user_)).Int(0, 0);
    const std::string user_hash{
        state.Run("SELECT encode(membridge.suppression_hash('user', $1, $2), 'hex')", {project_.Text(), user_}).Text(0, 0)};
    state.Commit();
    const ErasedSources erased = SourcesOf(project_, user_hash, memories, user_);
    for (const ErasureTarget& target : targets_) {
      Session there{target.dsn, "membridge erase"};
      Transaction transaction = there.Begin();
      Add(counts, CountInTarget(transaction, erased));
    }
    return counts;
  } catch (const SqlFailure& failure) {
    return tl::unexpected<Error>(failure.AsError("counting what would be erased"));
  }
}

Result<ErasureReceipt> Erasure::Run(Instant now) {
  try {
    Session state{state_dsn_, "membridge erase"};
    if (const auto asked = AskLedgers(state); !asked) return tl::unexpected<Error>(asked.error());
    Begun begun = Begin(state);
    for (const ErasureTarget& target : targets_) {
      const ErasedSources erased = SourcesOf(project_, begun.user_hash, begun.memories, user_);
      const bool here = target.dsn == state_dsn_;
      Session there{target.dsn, "membridge erase"};
      const auto admitted = LedgerTie{state, there, target.name}.Admit();  // also writes the suppressions into the ledger
      if (!admitted) return tl::unexpected<Error>(admitted.error());
      ErasureCounts counts;
      PassedOver passed_over;
      Transaction transaction = EraseInTarget(there, target, erased, now, counts, passed_over);
      Add(begun.counts, counts);
      EnterLedger(transaction, admitted->known);
      if (here) Note(transaction, begun, false);
      transaction.Commit();
      ApplyAnew(state, passed_over);
      if (here) continue;
      Transaction noting = state.Begin();
      Note(noting, begun, false);
      noting.Commit();
    }
    PurgeState(state, begun);
    const Instant finished =
        TimeAt(state.Run("SELECT finished_at FROM membridge.erasures WHERE id = $1::uuid", {begun.id}), 0, 0);
    return ErasureReceipt{begun.id, begun.user_hash, begun.begun_at, finished, begun.counts};
  } catch (const SqlFailure& failure) {
    return tl::unexpected<Error>(failure.AsError("erasing"));
  } catch (const std::runtime_error& failure) {
    return Fail(ErrorCode::kUnavailable, std::string{"erasing: "} + failure.what(), "run it again; what was done stays done");
  }
}

/// Checks all ledgers before anything is done, because a person cannot be erased completely from a ledger of another state.
Result<void> Erasure::AskLedgers(Session& state) const {
  for (const ErasureTarget& target : targets_) {
    Session there{target.dsn, "membridge erase"};
    const LedgerLook look = LedgerTie{state, there, target.name}.Look();
    if (look.standing == LedgerLook::Standing::kForeign) return tl::unexpected<Error>(ForeignLedger(target.name, look));
  }
  return {};
}

/// Older claims of other memories could not be written in the person's place. These memories are applied again, and parked if
/// that fails.
void Erasure::ApplyAnew(Session& state, const PassedOver& passed_over) {
  for (const auto& [project, memory] : passed_over) {
    Transaction transaction = state.Begin();
    Mirror{transaction}.ForgetApplied(project, {memory});
    Queue{transaction}.Mark(project, {memory}, "reproject");
    transaction.Commit();
  }
}

/// Suppresses the user and their known memories. When this returns, every write about them has finished, and no new one can
/// begin.
Erasure::Begun Erasure::Begin(Session& state) const {
  Transaction transaction = state.Begin();
  transaction.Run(kLockPatience);
  transaction.Run("LOCK TABLE membridge.suppressions IN ACCESS EXCLUSIVE MODE");
  Begun begun;
  begun.memories = MemoriesOf(transaction, project_, user_);
  transaction.Run(
      "INSERT INTO membridge.suppressions (hash) SELECT membridge.suppression_hash('user', $1, $2) "
      "UNION SELECT membridge.suppression_hash('memory', $1, m) FROM unnest($3::text[]) AS m ON CONFLICT DO NOTHING",
      {project_.Text(), user_, TargetNames(begun.memories)});
  const Rows cut_off = transaction.Run(
      "SELECT id, encode(user_hash, 'hex'), begun_at, counts FROM membridge.erasures "
      "WHERE user_hash = membridge.suppression_hash('user', $1, $2) AND finished_at IS NULL ORDER BY begun_at DESC LIMIT 1",
      {project_.Text(), user_});
  const Rows row = !cut_off.empty() ? cut_off
                                    : transaction.Run(
                                          "INSERT INTO membridge.erasures (id, project, user_hash) "
                                          "VALUES (gen_random_uuid(), $1, membridge.suppression_hash('user', $1, $2)) "
                                          "RETURNING id, encode(user_hash, 'hex'), begun_at, counts",
                                          {project_.Text(), user_});
  begun.id = row.Text(0, 0);
  begun.user_hash = row.Text(0, 1);
  begun.begun_at = TimeAt(row, 0, 2);
  const auto counts = nlohmann::json::parse(row.Text(0, 3));
  for (const auto& [name, count] : counts.items()) begun.counts[name] = count.get<std::int64_t>();
  transaction.Commit();
  return begun;
}

void Erasure::PurgeState(Session& state, Begun& begun) const {
  Transaction transaction = state.Begin();
  transaction.Run(kLockPatience);
  const bool left = begun.counts["rows_left"] + begun.counts["versions_left"] + begun.counts["withdrawals_refused"] > 0;
  for (const Part& part : kParts) {
    // As long as something is left, the memories' ids are kept to find it. What the memories said is deleted anyway.
    if (left && std::string_view{part.count} == "memories") {
      transaction.Run(
          "UPDATE membridge.memories SET record = NULL, digest = NULL, applied = NULL, expires_on = NULL, waits = false, "
          "gone_at = coalesce(gone_at, clock_timestamp()) WHERE project = $1 AND user_id = $2",
          {project_.Text(), user_});
      continue;
    }
    begun.counts[part.count] +=
        static_cast<std::int64_t>(transaction.Run(Sql("DELETE FROM ", part), Names(project_, begun.memories, user_)).Affected());
  }
  Note(transaction, begun, true);
  transaction.Commit();
}

void Erasure::Note(Transaction& transaction, const Begun& begun, bool finished) const {
  transaction.Run(
      "UPDATE membridge.erasures SET counts = $2::jsonb, finished_at = CASE WHEN $3::boolean THEN clock_timestamp() END WHERE id "
      "= $1::uuid",
      {begun.id, nlohmann::json(begun.counts).dump(), finished ? "t" : "f"});
}

}  // namespace membridge::sync
