#include "sync/inbox/delivery_partitions.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>

namespace membridge::sync {
namespace {

using postgres::Rows;
using postgres::Transaction;

constexpr const char* kOneAtATime = "SELECT pg_advisory_xact_lock(x'6d656d6272696468'::bigint)";

// Days of the wanted range that have no partition, and days that wait in the default one.
constexpr const char* kMissingDays =
    "WITH wanted AS (\n"
    "  SELECT $1::date + n AS day FROM generate_series(0, $2::int) AS n\n"
    "  UNION SELECT (received_at AT TIME ZONE 'UTC')::date FROM membridge.deliveries_default\n"
    ")\n"
    "SELECT day::text, 'deliveries_' || to_char(day, 'YYYYMMDD'), (day + 1)::text FROM wanted\n"
    "WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid\n"
    "                  WHERE i.inhparent = 'membridge.deliveries'::regclass AND c.relname = 'deliveries_' || to_char(day, "
    "'YYYYMMDD'))\n"
    "ORDER BY day";

constexpr const char* kOldPartitions =
    "SELECT c.relname FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid\n"
    "WHERE i.inhparent = 'membridge.deliveries'::regclass AND c.relname ~ '^deliveries_[0-9]{8}$'\n"
    "  AND c.relname < 'deliveries_' || to_char($1::date, 'YYYYMMDD')\n"
    "ORDER BY c.relname";

void Begin(Transaction& transaction) {
  transaction.Run("SET LOCAL lock_timeout TO '2s'");
  transaction.Run(kOneAtATime);
}

void MakePartition(Transaction& transaction, const std::string& name, std::string_view day, std::string_view next_day) {
  const std::string range = fmt::format("received_at >= '{} 00:00+00' AND received_at < '{} 00:00+00'", day, next_day);
  // Made beside the table and attached, since CREATE ... PARTITION OF would stop every reader and writer of all days.
  transaction.Run(fmt::format("CREATE TABLE membridge.{} (LIKE membridge.deliveries INCLUDING ALL)", name));
  transaction.Run(
      fmt::format("WITH moved AS (DELETE FROM membridge.deliveries_default WHERE {} RETURNING *)\n"
                  "INSERT INTO membridge.{} SELECT * FROM moved",
                  range, name));
  transaction.Run(fmt::format(
      "ALTER TABLE membridge.deliveries ATTACH PARTITION membridge.{} FOR VALUES FROM ('{} 00:00+00') TO ('{} 00:00+00')", name,
      day, next_day));
}

}  // namespace

std::vector<std::string> EnsurePartitions(Transaction& transaction, Day today, int days_ahead) {
  Begin(transaction);
  const std::vector<postgres::Param> range{FormatDay(today), std::to_string(days_ahead)};
  if (transaction.Run(kMissingDays, range).empty()) return {};
  // A delivery on its way into the default partition would be found by ATTACH, which then refuses. So they are waited for, and
  // what waits there is looked up again.
  transaction.Run("LOCK TABLE membridge.deliveries_default IN ACCESS EXCLUSIVE MODE");
  const Rows missing = transaction.Run(kMissingDays, range);
  std::vector<std::string> made;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    made.emplace_back(missing.Text(i, 1));
    MakePartition(transaction, made.back(), missing.Text(i, 0), missing.Text(i, 2));
  }
  return made;
}

std::vector<std::string> DropPartitionsBefore(Transaction& transaction, Day first_kept) {
  Begin(transaction);
  const std::string day = FormatDay(first_kept);
  const Rows old = transaction.Run(kOldPartitions, {day});
  std::vector<std::string> dropped;
  for (std::size_t i = 0; i < old.size(); ++i) {
    dropped.emplace_back(old.Text(i, 0));
    transaction.Run("DROP TABLE membridge." + dropped.back());
  }
  transaction.Run("DELETE FROM membridge.deliveries_default WHERE received_at < ($1 || ' 00:00+00')::timestamptz", {day});
  return dropped;
}

}  // namespace membridge::sync
