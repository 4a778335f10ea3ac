#include "sync/inbox/delivery_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "sync/postgres/column.hpp"
#include "sync/postgres/where.hpp"
#include "sync/queue/marking.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {
namespace {

using postgres::Rows;
using postgres::Transaction;
using postgres::Where;

constexpr std::size_t kLongestPage = 1000;

/// The outcome of delivery `d`; see kOutcomes.
constexpr const char* kOutcome = R"(
    CROSS JOIN LATERAL (
        SELECT CASE WHEN cardinality(d.memories) = 0 THEN 'nothing'
                    WHEN bool_or(parked.is_so) THEN 'parked'
                    WHEN bool_or(queued.blocked_since IS NOT NULL) THEN 'blocked'
                    WHEN bool_or(queued.memory_id IS NOT NULL) THEN 'waiting'
                    WHEN (SELECT NOT pg_visible_in_snapshot(d.xid, coalesce(f.snapshot, '1:1:')::pg_snapshot) FROM membridge.fold f)
                        THEN 'received'
                    WHEN bool_or(m.waits) THEN 'incomplete'
                    WHEN bool_or(m.gone_at IS NULL AND (m.changes IS NULL OR d.received_at <@ ANY (m.changes))
                                 AND m.memory_id IS NOT NULL) THEN 'applied'
                    WHEN bool_or(m.gone_at IS NOT NULL) THEN 'withdrawn'
                    WHEN bool_or(m.memory_id IS NOT NULL) THEN 'unchanged'
                    ELSE 'left_out' END AS outcome,
               CASE WHEN bool_and(coalesce(m.read_at >= d.received_at, false)) THEN max(m.read_at) END AS read_at
        FROM unnest(d.buckets[1:1000], d.memories[1:1000]) AS named(bucket, memory_id)
        LEFT JOIN membridge.memories m ON m.bucket = named.bucket AND m.project = d.project AND m.memory_id = named.memory_id
        LEFT JOIN membridge.dirty queued
            ON queued.bucket = named.bucket AND queued.project = d.project AND queued.memory_id = named.memory_id
        LEFT JOIN LATERAL (SELECT true AS is_so FROM membridge.parked p
                           WHERE p.project = d.project AND p.memory_id = named.memory_id LIMIT 1) AS parked ON true
    ) AS became)";

// The id as PostgreSQL prints it, or nothing when it is not a UUID.
std::optional<DeliveryId> CanonicalId(const DeliveryId& id) {
  std::string text = id.Text();
  if (text.size() != 36) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    char& c = text[i];
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (dash ? c != '-' : !hex) return std::nullopt;
  }
  return DeliveryId{std::move(text)};
}

constexpr std::chrono::seconds kIdSlack{1};

// When a UUIDv7 was issued, to the millisecond. Any other UUID yields a moment too, at which no delivery has that id.
Instant IssuedAt(const DeliveryId& canonical) {
  const std::string digits = canonical.Text().substr(0, 8) + canonical.Text().substr(9, 4);
  std::int64_t milliseconds = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), milliseconds, 16);
  // Four-digit years only: what FormatRfc3339 can say.
  return Instant{std::chrono::milliseconds{std::clamp<std::int64_t>(milliseconds, 1000, 253402300700'000)}};
}

Where WhereOf(const DeliveryFilter& filter) {
  Where where;
  if (filter.id) {
    const std::optional<DeliveryId> id = CanonicalId(*filter.id);
    if (id) {
      // The journal has no index by id. A delivery is received when its id is issued.
      where.Add("d.received_at >= ?::timestamptz", FormatRfc3339(IssuedAt(*id) - kIdSlack));
      where.Add("d.received_at <= ?::timestamptz", FormatRfc3339(IssuedAt(*id) + kIdSlack));
      where.Add("d.id = ?::uuid", id->Text());
    } else {
      where.AddNever();
    }
  }
  if (filter.project) where.Add("d.project = ?", filter.project->Text());
  if (filter.memory) where.Add("d.memories @> ARRAY[?::text]", filter.memory->Text());
  if (filter.verdict) where.Add("d.verdict = ?", *filter.verdict);
  if (filter.outcome) where.Add("became.outcome = ?", *filter.outcome);
  if (filter.since) where.Add("d.received_at >= ?::timestamptz", FormatRfc3339(*filter.since));
  if (filter.until) where.Add("d.received_at < ?::timestamptz", FormatRfc3339(*filter.until));
  return where;
}

std::string FromOf(const DeliveryFilter& filter) {
  return fmt::format("FROM membridge.deliveries d{}", filter.outcome ? kOutcome : "");
}

// A cursor names the last delivery of its page: microseconds since 1970 and the id.
std::string CursorOf(const DeliverySummary& last) {
  return fmt::format("{}.{}", last.received_at.time_since_epoch().count(), last.id.Text());
}

bool StartBehind(Where& where, const std::string& cursor) {
  const std::size_t dot = cursor.find('.');
  if (dot == std::string::npos) return false;
  std::int64_t micros = 0;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + dot, micros);
  const std::optional<DeliveryId> id = CanonicalId(DeliveryId{cursor.substr(dot + 1)});
  // Four-digit years only: what FormatRfc3339 can say.
  const bool plausible = micros >= 0 && micros < 253402300800'000000;
  if (error != std::errc{} || end != cursor.data() + dot || !plausible || !id) return false;
  const std::string time = FormatRfc3339(Instant{std::chrono::microseconds{micros}});
  // The second condition implies this one, but the planner needs this form to leave out the partitions of later days.
  where.Add("d.received_at <= ?::timestamptz", time);
  where.Add("(d.received_at, d.id) < ((?::text[])[1]::timestamptz, (?::text[])[2]::uuid)", postgres::ArrayOf({time, id->Text()}));
  return true;
}

std::vector<MemoryId> MemoriesOf(std::string_view json) {
  std::vector<MemoryId> memories;
  for (const nlohmann::json& memory : nlohmann::json::parse(json)) memories.emplace_back(memory.get<std::string>());
  return memories;
}

constexpr const char* kSummary =
    "d.id, d.project, d.received_at, d.verdict, d.source, d.token, to_json(d.memories), octet_length(d.body), became.outcome, "
    "became.read_at";

/// Reads a row that begins with kSummary.
DeliverySummary SummaryAt(const Rows& rows, std::size_t row) {
  return {.id = DeliveryId{std::string{rows.Text(row, 0)}},
          .project = ProjectId{std::string{rows.Text(row, 1)}},
          .received_at = postgres::TimeAt(rows, row, 2),
          .verdict = std::string{rows.Text(row, 3)},
          .source_address = std::string{rows.Text(row, 4)},
          .token_id = std::string{rows.Text(row, 5)},
          .memories = MemoriesOf(rows.Text(row, 6)),
          .body_bytes = static_cast<std::size_t>(rows.Int(row, 7)),
          .outcome = std::string{rows.Text(row, 8)},
          .read_at = postgres::OptionalTimeAt(rows, row, 9)};
}

}  // namespace

Result<DeliveryPage> DeliveriesStore::List(const DeliveryFilter& filter, std::size_t limit,
                                           const std::optional<std::string>& cursor) {
  Where where = WhereOf(filter);
  if (cursor && !StartBehind(where, *cursor)) {
    return Fail(ErrorCode::kRefused, "the cursor is not one of this list", "start again without a cursor");
  }
  limit = std::clamp<std::size_t>(limit, 1, kLongestPage);
  // One delivery more than asked for tells whether there is a next page.
  const std::string sql = fmt::format(R"(
      WITH d AS MATERIALIZED (SELECT DISTINCT ON (d.received_at, d.id) d.* {} {} ORDER BY d.received_at DESC, d.id DESC LIMIT {})
      SELECT {} FROM d {} ORDER BY d.received_at DESC, d.id DESC)",
                                      FromOf(filter), where.Sql(), limit + 1, kSummary, kOutcome);
  const Rows rows = transaction_.Run(sql, where.Params());
  DeliveryPage page;
  for (std::size_t row = 0; row < std::min(rows.size(), limit); ++row) page.deliveries.push_back(SummaryAt(rows, row));
  if (rows.size() > limit) page.next = CursorOf(page.deliveries.back());
  return page;
}

std::optional<ShownDelivery> DeliveriesStore::Show(const DeliveryId& id) {
  const Where where = WhereOf({.id = id});
  const Rows rows =
      transaction_.Run(fmt::format("SELECT {}, encode(d.body, 'hex'), d.headers FROM membridge.deliveries d {} {} LIMIT 1",
                                   kSummary, kOutcome, where.Sql()),
                       where.Params());
  if (rows.empty()) return std::nullopt;
  return ShownDelivery{SummaryAt(rows, 0), postgres::BytesOfHex(rows.Text(0, 10)), nlohmann::json::parse(rows.Text(0, 11))};
}

DeliveryCount DeliveriesStore::Count(const DeliveryFilter& filter) {
  const Where where = WhereOf(filter);
  const Rows rows =
      transaction_.Run(fmt::format("WITH meant AS MATERIALIZED (SELECT d.id, d.project, d.memories {} {}) "
                                   "SELECT (SELECT count(DISTINCT id) FROM meant), "
                                   "(SELECT count(*) FROM (SELECT DISTINCT project, unnest(memories) FROM meant) AS memories)",
                                   FromOf(filter), where.Sql()),
                       where.Params());
  return {.deliveries = static_cast<std::size_t>(rows.Int(0, 0)), .memories = static_cast<std::size_t>(rows.Int(0, 1))};
}

std::size_t ReplayDeliveries(postgres::Session& session, const DeliveryFilter& filter) {
  const Where where = WhereOf(filter);
  const Rows rows = session.Run(fmt::format("SELECT DISTINCT d.project, unnest(d.memories) {} {}", FromOf(filter), where.Sql()),
                                where.Params());
  std::vector<std::pair<ProjectId, MemoryId>> memories;
  memories.reserve(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    memories.emplace_back(std::string{rows.Text(row, 0)}, std::string{rows.Text(row, 1)});
  }
  MarkInSlices(session, std::move(memories), "manual");
  return rows.size();
}

}  // namespace membridge::sync
