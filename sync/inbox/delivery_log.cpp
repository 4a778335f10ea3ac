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

// The id as PostgreSQL prints it, or nothing when it is no UUID.
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

// When a UUIDv7 was issued, to the millisecond. Any other UUID names some moment too, at which nothing of it will be found.
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
  if (filter.since) where.Add("d.received_at >= ?::timestamptz", FormatRfc3339(*filter.since));
  if (filter.until) where.Add("d.received_at < ?::timestamptz", FormatRfc3339(*filter.until));
  return where;
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
  // What the second condition implies, in words with which the planner leaves out the days behind the cursor.
  where.Add("d.received_at <= ?::timestamptz", time);
  where.Add("(d.received_at, d.id) < ((?::text[])[1]::timestamptz, (?::text[])[2]::uuid)", postgres::ArrayOf({time, id->Text()}));
  return true;
}

std::vector<MemoryId> MemoriesOf(std::string_view json) {
  std::vector<MemoryId> memories;
  for (const nlohmann::json& memory : nlohmann::json::parse(json)) memories.emplace_back(memory.get<std::string>());
  return memories;
}

}  // namespace

Result<DeliveryPage> DeliveriesStore::List(Transaction& transaction, const DeliveryFilter& filter, std::size_t limit,
                                           const std::optional<std::string>& cursor) {
  Where where = WhereOf(filter);
  if (cursor && !StartBehind(where, *cursor)) {
    return Fail(ErrorCode::kRefused, "the cursor is not one of this list", "start again without a cursor");
  }
  limit = std::clamp<std::size_t>(limit, 1, kLongestPage);
  // One more than asked tells whether there is a page behind.
  const std::string sql = fmt::format(
      "SELECT DISTINCT ON (d.received_at, d.id) d.id, d.project, d.received_at, d.verdict, d.source, d.token, "
      "to_json(d.memories), octet_length(d.body) FROM membridge.deliveries d {} ORDER BY d.received_at DESC, d.id DESC LIMIT {}",
      where.Sql(), limit + 1);
  const Rows rows = transaction.Run(sql, where.Params());
  DeliveryPage page;
  for (std::size_t row = 0; row < std::min(rows.size(), limit); ++row) {
    page.deliveries.push_back({.id = DeliveryId{std::string{rows.Text(row, 0)}},
                               .project = ProjectId{std::string{rows.Text(row, 1)}},
                               .received_at = postgres::TimeAt(rows, row, 2),
                               .verdict = std::string{rows.Text(row, 3)},
                               .source_address = std::string{rows.Text(row, 4)},
                               .token_id = std::string{rows.Text(row, 5)},
                               .memories = MemoriesOf(rows.Text(row, 6)),
                               .body_bytes = static_cast<std::size_t>(rows.Int(row, 7))});
  }
  if (rows.size() > limit) page.next = CursorOf(page.deliveries.back());
  return page;
}

std::optional<Delivery> DeliveriesStore::Show(Transaction& transaction, const DeliveryId& id) {
  const Where where = WhereOf({.id = id});
  const Rows rows = transaction.Run(
      "SELECT d.id, d.project, d.received_at, encode(d.body, 'hex'), d.source, d.headers, d.verdict, d.token, "
      "to_json(d.memories) "
      "FROM membridge.deliveries d " +
          where.Sql() + " LIMIT 1",
      where.Params());
  if (rows.empty()) return std::nullopt;
  return Delivery{.id = DeliveryId{std::string{rows.Text(0, 0)}},
                  .project = ProjectId{std::string{rows.Text(0, 1)}},
                  .received_at = postgres::TimeAt(rows, 0, 2),
                  .body = postgres::BytesOfHex(rows.Text(0, 3)),
                  .source_address = std::string{rows.Text(0, 4)},
                  .headers = nlohmann::json::parse(rows.Text(0, 5)),
                  .verdict = std::string{rows.Text(0, 6)},
                  .token_id = std::string{rows.Text(0, 7)},
                  .memories = MemoriesOf(rows.Text(0, 8))};
}

DeliveryCount DeliveriesStore::Count(Transaction& transaction, const DeliveryFilter& filter) {
  const Where where = WhereOf(filter);
  const Rows rows = transaction.Run(
      fmt::format("WITH meant AS MATERIALIZED (SELECT d.id, d.project, d.memories FROM membridge.deliveries d {}) "
                  "SELECT (SELECT count(DISTINCT id) FROM meant), "
                  "(SELECT count(*) FROM (SELECT DISTINCT project, unnest(memories) FROM meant) AS memories)",
                  where.Sql()),
      where.Params());
  return {.deliveries = static_cast<std::size_t>(rows.Int(0, 0)), .memories = static_cast<std::size_t>(rows.Int(0, 1))};
}

std::size_t DeliveriesStore::Replay(postgres::Session& session, const DeliveryFilter& filter) {
  const Where where = WhereOf(filter);
  const Rows rows =
      session.Run("SELECT DISTINCT d.project, unnest(d.memories) FROM membridge.deliveries d " + where.Sql(), where.Params());
  std::vector<std::pair<ProjectId, MemoryId>> memories;
  memories.reserve(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    memories.emplace_back(std::string{rows.Text(row, 0)}, std::string{rows.Text(row, 1)});
  }
  MarkInSlices(session, std::move(memories), "manual");
  return rows.size();
}

}  // namespace membridge::sync
