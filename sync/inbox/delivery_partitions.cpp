#include "sync/inbox/delivery_partitions.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>

namespace membridge::sync {
namespace {

using postgres::Rows;
using postgres::Session;
using postgres::Transaction;

constexpr const char* kOneAtATime = "SELECT pg_advisory_xact_lock(x'6d656d6272696468'::bigint)";

constexpr const char* kMissingDays =
    "SELECT day::text, 'deliveries_' || to_char(day, 'YYYYMMDD'), (day + 1)::text\n"
    "FROM (SELECT $1::date + n AS day FROM generate_series(0, $2::int) AS n) AS wanted\n"
    "WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = 'membridge'::regnamespace\n"
    "                  AND c.relname = 'deliveries_' || to_char(day, 'YYYYMMDD'))\n"
    "ORDER BY day";

// Tables of days before $1: attached ones, and detached ones that a stopped process did not drop.
constexpr const char* kOldPartitions =
    "SELECT c.relname, coalesce(i.inhdetachpending, false), i.inhrelid IS NOT NULL,\n"
    "       to_date(right(c.relname, 8), 'YYYYMMDD')::text, (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::text\n"
    "FROM pg_catalog.pg_class c\n"
    "LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = 'membridge.deliveries'::regclass\n"
    "WHERE c.relnamespace = 'membridge'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^deliveries_[0-9]{8}$'\n"
    "  AND c.relname < 'deliveries_' || to_char($1::date, 'YYYYMMDD')\n"
    "ORDER BY c.relname";

constexpr const char* kPastDaysWithoutIndex =
    "SELECT c.relname, ic.relname FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid\n"
    "LEFT JOIN pg_catalog.pg_class ic ON ic.relname = c.relname || '_memories' AND ic.relnamespace = c.relnamespace\n"
    "LEFT JOIN pg_catalog.pg_index x ON x.indexrelid = ic.oid\n"
    "WHERE i.inhparent = 'membridge.deliveries'::regclass AND NOT i.inhdetachpending AND c.relname ~ '^deliveries_[0-9]{8}$'\n"
    "  AND c.relname < 'deliveries_' || to_char($1::date, 'YYYYMMDD') AND coalesce(x.indisvalid, false) = false\n"
    "ORDER BY c.relname";

constexpr const char* kOthersLock = "2s";

std::string RangeOf(std::string_view day, std::string_view next_day) {
  return fmt::format("FOR VALUES FROM ('{} 00:00+00') TO ('{} 00:00+00')", day, next_day);
}

void MakePartition(Transaction& transaction, const std::string& name, std::string_view day, std::string_view next_day) {
  // Makes the table first and attaches it, because CREATE ... PARTITION OF would stop every reader and writer of all days.
  // Without a replica identity, a publication of all tables would refuse every change of a row.
  transaction.Run(fmt::format("CREATE TABLE membridge.{} (LIKE membridge.deliveries INCLUDING ALL)", name));
  transaction.Run(fmt::format("ALTER TABLE membridge.{} REPLICA IDENTITY FULL", name));
  transaction.Run(fmt::format("CREATE INDEX {0}_xid ON membridge.{0} (xid)", name));
  transaction.Run(fmt::format("ALTER TABLE membridge.deliveries ATTACH PARTITION membridge.{} {}", name, RangeOf(day, next_day)));
}

/// Whether all deliveries of the partition are folded.
bool IsFolded(Session& session, const std::string& name, std::string_view next_day) {
  return session
      .Run(
          fmt::format("SELECT NOT EXISTS (SELECT FROM membridge.{} d, membridge.fold f\n"
                      "  WHERE d.xid IS NOT NULL AND (f.snapshot IS NULL OR (d.xid >= pg_snapshot_xmin(f.snapshot::pg_snapshot)\n"
                      "    AND NOT pg_visible_in_snapshot(d.xid, f.snapshot::pg_snapshot))))\n"
                      "  AND NOT EXISTS (SELECT FROM membridge.fold f WHERE f.anew_after < ($1 || ' 00:00+00')::timestamptz)",
                      name),
          {std::string{next_day}})
      .Bool(0, 0);
}

}  // namespace

std::vector<std::string> EnsurePartitions(Session& session, Day first, int days_ahead) {
  const std::vector<postgres::Param> range{FormatDay(first), std::to_string(days_ahead)};
  if (session.Run(kMissingDays, range).empty()) return {};
  Transaction transaction = session.Begin();
  transaction.Run("SET LOCAL lock_timeout TO '2s'");
  transaction.Run(kOneAtATime);
  const Rows missing = transaction.Run(kMissingDays, range);
  std::vector<std::string> made;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    made.emplace_back(missing.Text(i, 1));
    MakePartition(transaction, made.back(), missing.Text(i, 0), missing.Text(i, 2));
  }
  transaction.Commit();
  return made;
}

std::vector<std::string> DropPartitionsBefore(Session& session, Day first_kept) {
  session.Set("lock_timeout", kOthersLock);
  const Rows old = session.Run(kOldPartitions, {FormatDay(first_kept)});
  std::vector<std::string> dropped;
  for (std::size_t i = 0; i < old.size(); ++i) {
    const std::string name{old.Text(i, 0)};
    const bool pending = old.Bool(i, 1), attached = old.Bool(i, 2);
    if (attached && !pending && !IsFolded(session, name, old.Text(i, 4))) continue;
    // Detaches outside a transaction and drops in a second step, so that sessions that store or read other days are not delayed.
    if (attached)
      session.RunAlone(fmt::format("ALTER TABLE membridge.deliveries DETACH PARTITION membridge.{} {}", name,
                                   pending ? "FINALIZE" : "CONCURRENTLY"));
    // All sessions that stored in it have finished by now, so it is final whether everything is folded.
    if (!IsFolded(session, name, old.Text(i, 4))) {
      session.Run(fmt::format("ALTER TABLE membridge.deliveries ATTACH PARTITION membridge.{} {}", name,
                              RangeOf(old.Text(i, 3), old.Text(i, 4))));
      continue;
    }
    session.Run("DROP TABLE IF EXISTS membridge." + name);
    dropped.push_back(name);
  }
  return dropped;
}

std::vector<std::string> IndexPastDays(Session& session, Day today) {
  session.Set("lock_timeout", kOthersLock);
  const Rows past = session.Run(kPastDaysWithoutIndex, {FormatDay(today)});
  std::vector<std::string> made;
  for (std::size_t i = 0; i < past.size(); ++i) {
    const std::string name{past.Text(i, 0)};
    // An index exists that a stopped process left unfinished, or that another process builds now. In the second case DROP gives
    // up waiting.
    if (!past.IsNull(i, 1)) session.RunAlone("DROP INDEX CONCURRENTLY IF EXISTS membridge." + name + "_memories");
    session.RunAlone(fmt::format("CREATE INDEX CONCURRENTLY {0}_memories ON membridge.{0} USING gin (memories)", name));
    made.push_back(name + "_memories");
  }
  return made;
}

}  // namespace membridge::sync
