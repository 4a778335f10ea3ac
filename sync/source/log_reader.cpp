#include "sync/source/log_reader.hpp"

#include <charconv>

namespace membridge::sync::source {
namespace {

using postgres::Rows;

constexpr const char* kHead = R"(
    SELECT i.incarnation::text, i.trimmed_below::text,
           (SELECT CASE WHEN l.is_called THEN l.last_value ELSE 0 END FROM membridge_source.lost AS l)
    FROM membridge_source.installed AS i WHERE i.relid::bigint = $1::bigint)";

// $1 table, $2 taken, $3 the moment or NULL for now, $4 and $5 after which entry, $6 how many. The snapshot of the statement is
// the one that pg_current_snapshot() shows. At least one row comes, for the moment's sake.
constexpr const char* kPage = R"(
    WITH n AS MATERIALIZED (SELECT coalesce($3::pg_snapshot, pg_current_snapshot()) AS s)
    SELECT n.s::text, e.xid::text, e.id, e.kinds
    FROM n LEFT JOIN LATERAL (
      SELECT l.xid, l.id, string_agg(DISTINCT l.kind::text, '') AS kinds FROM membridge_source.log AS l
      WHERE l.relid::bigint = $1::bigint AND l.xid >= pg_snapshot_xmin($2::pg_snapshot) AND l.xid >= $4::xid8
        AND NOT pg_visible_in_snapshot(l.xid, $2::pg_snapshot) AND pg_visible_in_snapshot(l.xid, n.s)
        AND (l.xid > $4::xid8 OR l.id > $5 COLLATE "C")
      GROUP BY l.xid, l.id ORDER BY l.xid, l.id COLLATE "C" LIMIT $6::bigint) AS e ON true)";

constexpr const char* kNoteReader = R"(
    INSERT INTO membridge_source.readers AS r (reader, relid, taken_below)
    VALUES ($1, ($2::bigint)::oid, pg_snapshot_xmin($3::pg_snapshot))
    ON CONFLICT (reader, relid) DO UPDATE SET taken_below = excluded.taken_below, seen_at = clock_timestamp())";
constexpr const char* kForgetReaders =
    "DELETE FROM membridge_source.readers WHERE seen_at < clock_timestamp() - interval '7 days'";
constexpr const char* kNoteTrimmed = R"(
    UPDATE membridge_source.installed AS i SET trimmed_below = t.below
    FROM (SELECT min(r.taken_below::text::numeric)::text::xid8 AS below FROM membridge_source.readers AS r
          WHERE r.relid::bigint = $1::bigint) AS t
    WHERE i.relid::bigint = $1::bigint AND i.trimmed_below < t.below RETURNING i.trimmed_below::text)";
constexpr const char* kTrim = R"(
    DELETE FROM membridge_source.log WHERE ctid = ANY (ARRAY(
      SELECT l.ctid FROM membridge_source.log AS l, membridge_source.installed AS i
      WHERE i.relid::bigint = $1::bigint AND l.relid = i.relid AND l.xid < i.trimmed_below
      ORDER BY l.xid LIMIT $2::bigint FOR UPDATE OF l SKIP LOCKED)))";
// Entries of a table that is gone have no reader.
constexpr const char* kTrimOrphans = R"(
    DELETE FROM membridge_source.log WHERE ctid = ANY (ARRAY(
      SELECT l.ctid FROM membridge_source.log AS l
      WHERE NOT EXISTS (SELECT FROM membridge_source.installed AS i WHERE i.relid = l.relid) LIMIT $1::bigint)))";

LogEntry EntryOf(std::string_view id, std::string_view kinds) {
  using Kind = LogEntry::Kind;
  if (kinds.find('a') != std::string_view::npos) return {Kind::kAllDeleted, ""};
  return {kinds.find('d') != std::string_view::npos ? Kind::kDeleted : Kind::kChanged, std::string{id}};
}

}  // namespace

SnapshotBounds BoundsOf(std::string_view snapshot) {
  const auto take = [&snapshot] {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(snapshot.data(), snapshot.data() + snapshot.size(), number);
    snapshot.remove_prefix(static_cast<std::size_t>(end - snapshot.data()));
    if (!snapshot.empty()) snapshot.remove_prefix(1);
    return error == std::errc{} ? number : 0;
  };
  SnapshotBounds bounds;
  bounds.first = take();
  bounds.next = take();
  return bounds;
}

LogHead LogReader::Head() {
  const Rows rows = session_.Run(kHead, {std::to_string(relid_)});
  if (rows.empty()) return {};
  return {std::string{rows.Text(0, 0)}, std::string{rows.Text(0, 1)}, rows.Int(0, 2)};
}

std::string LogReader::Snapshot() {
  return std::string{session_.Run("SELECT pg_current_snapshot()::text").Text(0, 0)};
}

LogPage LogReader::First(const std::string& taken, std::size_t at_most) {
  return Page(taken, "", "0", "", at_most);
}

LogPage LogReader::Next(const std::string& taken, const LogPage& before, std::size_t at_most) {
  return Page(taken, before.now, before.after_xid, before.after_id, at_most);
}

LogPage LogReader::Page(const std::string& taken, const std::string& now, const std::string& after_xid,
                        const std::string& after_id, std::size_t at_most) {
  const Rows rows = session_.Run(kPage, {std::to_string(relid_), taken, now.empty() ? postgres::Param{} : postgres::Param{now},
                                         after_xid, after_id, std::to_string(at_most)});
  LogPage page;
  page.now = rows.Text(0, 0);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (rows.IsNull(row, 1)) continue;
    page.entries.push_back(EntryOf(rows.Text(row, 2), rows.Text(row, 3)));
    page.after_xid = rows.Text(row, 1);
    page.after_id = rows.Text(row, 2);
  }
  page.more = page.entries.size() == at_most;
  return page;
}

std::size_t LogReader::Trim(const std::string& reader, const std::string& taken, std::size_t at_most) {
  session_.Run(kNoteReader, {reader, std::to_string(relid_), taken});
  session_.Run(kForgetReaders);
  session_.Run(kNoteTrimmed, {std::to_string(relid_)});
  return session_.Run(kTrim, {std::to_string(relid_), std::to_string(at_most)}).Affected() +
         session_.Run(kTrimOrphans, {std::to_string(at_most)}).Affected();
}

}  // namespace membridge::sync::source
