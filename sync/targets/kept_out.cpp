#include "sync/targets/kept_out.hpp"

#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using postgres::Column;
using postgres::Rows;

constexpr const char* kSalts = R"(
    SELECT '\x' || encode(salt, 'hex') FROM membridge.suppression_salt
    UNION ALL SELECT '\x' || encode(salt, 'hex') FROM membridge.other_salts)";
// Reads one hour more than asked for, because a transaction that committed later may carry an earlier time.
constexpr const char* kCame = R"(
    SELECT '\x' || encode(hash, 'hex'), erased_at::text FROM membridge.suppressions
    WHERE $1::timestamptz IS NULL OR erased_at > $1::timestamptz - interval '1 hour')";
constexpr const char* kWent = R"(
    SELECT '\x' || encode(hash, 'hex'), lifted_at::text FROM membridge.lifted_suppressions
    WHERE $1::timestamptz IS NULL OR lifted_at > $1::timestamptz - interval '1 hour')";
constexpr const char* kTellSalts =
    "INSERT INTO membridge.kept_out_salts (salt) SELECT pg_catalog.unnest($1::bytea[]) ON CONFLICT DO NOTHING";
constexpr const char* kTellWent = R"(
    DELETE FROM membridge.kept_out k
    USING ROWS FROM (pg_catalog.unnest($1::bytea[]), pg_catalog.unnest($2::timestamptz[])) AS w(hash, lifted_at)
    WHERE k.hash = w.hash AND k.erased_at < w.lifted_at)";
constexpr const char* kTellCame = R"(
    INSERT INTO membridge.kept_out (hash, erased_at)
    SELECT c.hash, c.erased_at
    FROM ROWS FROM (pg_catalog.unnest($1::bytea[]), pg_catalog.unnest($2::timestamptz[])) AS c(hash, erased_at) ORDER BY c.hash
    ON CONFLICT DO NOTHING)";
constexpr const char* kTakeSalts = R"(
    INSERT INTO membridge.other_salts (salt) SELECT s FROM unnest($1::bytea[]) AS s
    WHERE NOT EXISTS (SELECT FROM membridge.suppression_salt o WHERE o.salt = s) ON CONFLICT DO NOTHING)";
constexpr const char* kTakeHashes = R"(
    INSERT INTO membridge.suppressions (hash, erased_at)
    SELECT k.hash, k.erased_at FROM unnest($1::bytea[], $2::timestamptz[]) AS k(hash, erased_at)
    WHERE NOT EXISTS (SELECT FROM membridge.lifted_suppressions l WHERE l.hash = k.hash AND l.lifted_at > k.erased_at)
    ORDER BY k.hash ON CONFLICT DO NOTHING)";

postgres::Param ColumnOf(const Rows& rows, std::size_t column) {
  Column values;
  for (std::size_t row = 0; row < rows.size(); ++row) values.AddText(rows.Text(row, column));
  return rows.empty() ? postgres::Param{"{}"} : values.Take();
}

}  // namespace

KeptOut::Dated KeptOut::DatedOf(const Rows& rows) {
  return {ColumnOf(rows, 0), ColumnOf(rows, 1), rows.empty()};
}

KeptOut KeptOut::OfState(postgres::Session& state, const std::optional<std::string>& since) {
  KeptOut kept;
  kept.came_ = DatedOf(state.Run(kCame, {since}));
  kept.went_ = DatedOf(state.Run(kWent, {since}));
  kept.salts_ = ColumnOf(state.Run(kSalts), 0);
  return kept;
}

KeptOut KeptOut::OfLedger(postgres::Session& there) {
  KeptOut kept;
  kept.came_ = DatedOf(there.Run("SELECT '\\x' || pg_catalog.encode(hash, 'hex'), erased_at::text FROM membridge.kept_out"));
  kept.salts_ = ColumnOf(there.Run("SELECT '\\x' || pg_catalog.encode(salt, 'hex') FROM membridge.kept_out_salts"), 0);
  return kept;
}

void KeptOut::TellLedger(postgres::Transaction& there) const {
  if (!went_.empty) there.Run(kTellWent, {went_.hashes, went_.times});
  if (came_.empty) return;
  there.Run(kTellSalts, {salts_});
  there.Run(kTellCame, {came_.hashes, came_.times});
}

void KeptOut::TellState(postgres::Transaction& state) const {
  if (came_.empty) return;
  state.Run("SELECT set_config('lock_timeout', '30s', true)");
  state.Run("LOCK TABLE membridge.suppressions IN ACCESS EXCLUSIVE MODE");
  state.Run(kTakeSalts, {salts_});
  state.Run(kTakeHashes, {came_.hashes, came_.times});
}

}  // namespace membridge::sync
