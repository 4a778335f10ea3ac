#include "sync/inbox/events.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "mappings/base/digest.hpp"
#include "sync/postgres/column.hpp"
#include "sync/queue/claim_keys.hpp"

namespace membridge::sync {
namespace {

using postgres::Column;
using postgres::Rows;

Event EventAt(const Rows& rows, std::size_t row) {
  Event event;
  event.id = rows.Text(row, 1);
  event.delivery = DeliveryId{std::string{rows.Text(row, 2)}};
  event.type = rows.Text(row, 3);
  event.received_at = postgres::TimeAt(rows, row, 4);
  event.queued_at = postgres::TimeAt(rows, row, 5);
  event.parked = nlohmann::json::parse(rows.Text(row, 6)).get<std::vector<std::string>>();
  return event;
}

}  // namespace

std::string EventIdOf(const Delivery& delivery, const MemoryId& memory) {
  if (delivery.memories.size() == 1) return delivery.id.Text();
  return mappings::Uuid5(delivery.id.Text(), memory.Text()).value();
}

std::vector<std::vector<Event>> Events::Of(const std::vector<Claim>& claims) {
  std::vector<std::vector<Event>> events(claims.size());
  if (claims.empty()) return events;
  static const std::string kSql = fmt::format(R"(
      SELECT c.place, e.id, e.delivery, e.type, e.received_at, e.queued_at, to_json(e.parked)
      FROM unnest($1::smallint[], $2::text[], $3::text[]) WITH ORDINALITY AS c(bucket, project, memory_id, place),
           LATERAL (SELECT * FROM membridge.events e
                    WHERE e.bucket = c.bucket AND e.project = c.project AND e.memory_id = c.memory_id
                    ORDER BY e.parked <> '{{}}', e.received_at, e.id LIMIT {}) AS e
      ORDER BY c.place, e.parked <> '{{}}', e.received_at, e.id)",
                                              kAtOnce);
  ClaimKeys keys;
  for (const Claim& claim : claims) keys.Add(claim);
  const Rows rows = transaction_.Run(kSql, keys.Take());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    events[static_cast<std::size_t>(rows.Int(row, 0)) - 1].push_back(EventAt(rows, row));
  }
  return events;
}

void Events::Settle(const std::vector<std::pair<Claim, Event>>& events, const std::vector<std::string>& mappings) {
  if (events.empty()) return;
  // A list of names travels as JSON: arrays of arrays must be square. Events are written by a list of their places and never
  // joined, as in Queue::Settle. One that an operator changes at this moment stays; its source has counted, so it counts no more.
  static const std::string kSql = R"(
      WITH settled AS MATERIALIZED (
        SELECT e.place, s.parked, e.parked = s.parked AS same
        FROM (SELECT u.*, ARRAY(SELECT jsonb_array_elements_text(u.refused::jsonb)) AS parked
              FROM unnest($1::smallint[], $2::text[], $3::text[], $4::uuid[], $5::text[])
                   AS u(bucket, project, memory_id, id, refused)) AS s
        CROSS JOIN LATERAL (SELECT e.ctid AS place, e.parked FROM membridge.events e
                            WHERE e.bucket = s.bucket AND e.project = s.project AND e.memory_id = s.memory_id AND e.id = s.id
                            OFFSET 0) AS e),
      ended AS (
        DELETE FROM membridge.events e WHERE e.ctid = ANY (ARRAY(SELECT s.place FROM settled s WHERE s.parked = '{}')))
      UPDATE membridge.events e SET parked = (SELECT s.parked FROM settled s WHERE s.place = e.ctid LIMIT 1)
      WHERE e.ctid = ANY (ARRAY(SELECT s.place FROM settled s WHERE s.parked <> '{}' AND NOT s.same)))";
  ClaimKeys keys;
  Column ids, parked;
  for (const auto& [claim, event] : events) {
    keys.Add(claim);
    ids.AddText(event.id);
    parked.AddText(nlohmann::json(event.parked).dump());
  }
  std::vector<postgres::Param> params = keys.Take();
  params.push_back(ids.Take());
  params.push_back(parked.Take());
  transaction_.Run(kSql, params);

  static const std::string kUnpark = R"(
      DELETE FROM membridge.parked p WHERE p.ctid = ANY (ARRAY(
        SELECT q.place FROM unnest($1::smallint[], $2::text[], $3::text[]) AS c(bucket, project, memory_id)
        CROSS JOIN LATERAL (SELECT q.ctid AS place FROM membridge.parked q
                            WHERE q.project = c.project AND q.memory_id = c.memory_id AND q.mapping = ANY ($4::text[])
                              AND NOT EXISTS (SELECT FROM membridge.events e
                                              WHERE e.bucket = c.bucket AND e.project = c.project AND e.memory_id = c.memory_id
                                                AND q.mapping = ANY (e.parked))
                            OFFSET 0) AS q)))";
  Column names;
  for (const auto& [claim, event] : events) keys.Add(claim);
  for (const std::string& mapping : mappings) names.AddText(mapping);
  params = keys.Take();
  params.push_back(names.Take());
  transaction_.Run(kUnpark, params);
}

std::size_t Events::Forget(std::chrono::seconds age) {
  static const std::string kSql = R"(
      WITH gone AS (
        DELETE FROM membridge.events e
        WHERE e.parked = '{}' AND e.queued_at < statement_timestamp() - $1::bigint * interval '1 second'
          AND NOT EXISTS (SELECT FROM membridge.dirty d WHERE d.bucket = e.bucket AND d.project = e.project AND d.memory_id = e.memory_id)
          AND NOT EXISTS (SELECT FROM membridge.parked p WHERE p.project = e.project AND p.memory_id = e.memory_id AND p.mapping = '')
        RETURNING 1)
      SELECT count(*) FROM gone)";
  return static_cast<std::size_t>(transaction_.Run(kSql, {std::to_string(age.count())}).Int(0, 0));
}

}  // namespace membridge::sync
