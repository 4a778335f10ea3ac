// Operations on the memories that the bridge knows, and on the rows they contribute to.
#include <fmt/format.h>

#include <algorithm>

#include "admin/api/call_session.hpp"
#include "admin/api/context.hpp"
#include "admin/mapping_files/target_catalogs.hpp"
#include "admin/shown/views.hpp"
#include "mappings/base/exact_json.hpp"
#include "mappings/memory.hpp"
#include "sync/explain/why.hpp"
#include "sync/postgres/column.hpp"
#include "sync/postgres/where.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;
using sync::postgres::Rows;
using sync::postgres::Session;
using sync::postgres::Transaction;
using sync::postgres::Where;

// The SQL expression for the document's `state`, which mappings see, too.
constexpr const char* kState =
    "CASE WHEN m.gone_at IS NOT NULL THEN 'gone' "
    "WHEN coalesce(m.record ->> 'replaced_by', '') NOT IN ('', m.memory_id) OR m.record ->> 'lifecycle_state' IN ('superseded', "
    "'merged') THEN 'superseded' "
    "WHEN m.expires_on < (statement_timestamp() AT TIME ZONE 'UTC')::date THEN 'expired' ELSE 'live' END";

ordered_json TimeOf(const Rows& rows, std::size_t row, std::size_t column) {
  return TimeOrNull(sync::postgres::OptionalTimeAt(rows, row, column));
}

ordered_json TextOf(const Rows& rows, std::size_t row, std::size_t column) {
  return rows.IsNull(row, column) ? ordered_json(nullptr) : ordered_json(std::string{rows.Text(row, column)});
}

// Lets the page begin behind the cursor. A cursor is the key of the last memory of a page, as JSON: memory id and project.
bool StartBehind(Where& where, const std::string& cursor) {
  const auto key = nlohmann::json::parse(cursor, nullptr, false);
  if (!key.is_array() || key.size() != 2 || !key[0].is_string() || !key[1].is_string()) return false;
  where.Add("(m.memory_id, m.project) > ((?::text[])[1], (?::text[])[2])",
            sync::postgres::ArrayOf({key[0].get<std::string>(), key[1].get<std::string>()}));
  return true;
}

/// Returns a LIKE pattern for texts that begin with this text.
std::string Prefix(const std::string& text) {
  std::string pattern;
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

Answer ListMemories(Call& call) {
  Where where;
  if (const auto project = call.Query("project")) where.Add("m.project = ?", *project);
  if (const auto user = call.Query("user"))
    where.Add("hashtextextended(m.user_id, 0) = hashtextextended(?, 0) AND m.user_id = ?", *user);
  if (const auto memory = call.Query("memory")) where.Add("m.memory_id LIKE ?", Prefix(*memory));
  if (const auto cursor = call.Query("cursor"); cursor && !StartBehind(where, *cursor))
    return Refuse(400, "bad_cursor", "the cursor is not one of this list", "start again without a cursor");
  const auto limit = call.query["limit"].get<std::size_t>();
  const Rows rows = call.Begin().Run(
      fmt::format("SELECT m.project, m.memory_id, m.user_id, {}, m.updated_at, m.read_at, d.memory_id IS NOT NULL, "
                  "EXISTS (SELECT FROM membridge.parked p WHERE p.project = m.project AND p.memory_id = m.memory_id) "
                  "FROM membridge.memories m LEFT JOIN membridge.dirty d USING (bucket, project, memory_id) "
                  "{} ORDER BY m.memory_id, m.project LIMIT {}",
                  kState, where.Sql(), limit + 1),
      where.Params());
  ordered_json memories = ordered_json::array();
  for (std::size_t row = 0; row < std::min(rows.size(), limit); ++row) {
    memories.push_back({{"project", rows.Text(row, 0)},
                        {"memory", rows.Text(row, 1)},
                        {"user", TextOf(rows, row, 2)},
                        {"state", rows.Text(row, 3)},
                        {"updated_at", TimeOf(rows, row, 4)},
                        {"read_at", TimeOf(rows, row, 5)},
                        {"dirty", rows.Bool(row, 6)},
                        {"parked", rows.Bool(row, 7)}});
  }
  ordered_json page{{"memories", std::move(memories)}, {"next", nullptr}};
  if (rows.size() > limit) page["next"] = nlohmann::json::array({rows.Text(limit - 1, 1), rows.Text(limit - 1, 0)}).dump();
  return page;
}

/// Returns bucket, project and memory id of the path as parameters.
std::vector<sync::postgres::Param> KeyOf(const Call& call) {
  const ProjectId project{call.Path("project")};
  const MemoryId memory{call.Path("memory")};
  return {std::to_string(sync::BucketOf(project, memory)), project.Text(), memory.Text()};
}

tl::unexpected<Problem> NoSuchMemory() {
  return Refuse(404, "not_found", "the bridge has not read such a memory", "look at its deliveries, or let a sweep read it");
}

ordered_json DirtyOf(Transaction& transaction, const Call& call) {
  const Rows rows = transaction.Run(
      "SELECT reason, marked_at, due_at, attempts, last_error FROM membridge.dirty WHERE bucket = $1 AND project = $2 AND "
      "memory_id = $3",
      KeyOf(call));
  if (rows.empty()) return nullptr;
  return {{"reason", rows.Text(0, 0)},
          {"marked_at", TimeOf(rows, 0, 1)},
          {"due_at", TimeOf(rows, 0, 2)},
          {"attempts", rows.Int(0, 3)},
          {"last_error", TextOf(rows, 0, 4)}};
}

ordered_json ParkedOf(Transaction& transaction, const ProjectId& project, const MemoryId& memory) {
  ordered_json list = ordered_json::array();
  const auto page = sync::ParkedStore{transaction}.Show({.project = project, .memory = memory}, 100);
  for (const sync::ParkedMemory& parked : page->memories) {
    list.push_back({{"mapping", parked.parking.mapping},
                    {"group", parked.group},
                    {"code", parked.code},
                    {"place", parked.parking.place},
                    {"attempts", parked.attempts},
                    {"tried_at", FormatRfc3339(parked.tried_at)}});
  }
  return list;
}

Answer ReadMemory(Call& call) {
  const ProjectId project{call.Path("project")};
  const MemoryId memory{call.Path("memory")};
  Transaction transaction = call.Begin();
  const Rows rows = transaction.Run(fmt::format("SELECT m.user_id, {}, m.updated_at, m.read_at, m.gone_at, m.expires_on, "
                                                "m.applied IS NOT NULL FROM membridge.memories m "
                                                "WHERE m.bucket = $1 AND m.project = $2 AND m.memory_id = $3",
                                                kState),
                                    KeyOf(call));
  if (rows.empty()) return NoSuchMemory();
  ordered_json deliveries = ordered_json::array();
  const auto page = sync::DeliveriesStore{transaction}.List({.project = project, .memory = memory}, 10);
  for (const auto& delivery : page->deliveries) deliveries.push_back(ViewOf(delivery));
  return ordered_json{{"project", project.Text()},
                      {"memory", memory.Text()},
                      {"user", TextOf(rows, 0, 0)},
                      {"state", rows.Text(0, 1)},
                      {"updated_at", TimeOf(rows, 0, 2)},
                      {"read_at", TimeOf(rows, 0, 3)},
                      {"gone_at", TimeOf(rows, 0, 4)},
                      {"expires_on", TextOf(rows, 0, 5)},
                      {"applied", rows.Bool(0, 6)},
                      {"dirty", DirtyOf(transaction, call)},
                      {"parked", ParkedOf(transaction, project, memory)},
                      {"deliveries", std::move(deliveries)}};
}

Answer ReadRecord(Call& call) {
  const Rows rows = call.Begin().Run(
      "SELECT record FROM membridge.memories WHERE bucket = $1 AND project = $2 AND memory_id = $3", KeyOf(call));
  if (rows.empty()) return NoSuchMemory();
  ordered_json view{{"project", call.Path("project")}, {"memory", call.Path("memory")}};
  view["record"] = rows.IsNull(0, 0) ? ordered_json(nullptr) : mappings::ParseExactInOrder(rows.Text(0, 0));
  return view;
}

ordered_json TextIn(const nlohmann::json& entry, const char* name) {
  return entry.contains(name) && entry[name].is_string() ? ordered_json(entry[name].get<std::string>()) : ordered_json(nullptr);
}

Answer ReadHistory(Call& call, const Parts& parts) {
  auto client = parts.Mem0For(ProjectId{call.Path("project")});
  if (!client) return tl::unexpected<Problem>(client.error());
  const auto entries = (*client)->History(MemoryId{call.Path("memory")});
  if (!entries) return RefuseFromMem0(entries.error(), **client);
  ordered_json versions = ordered_json::array();
  for (const auto& entry : *entries) {
    if (!entry.is_object()) continue;
    const ordered_json event = TextIn(entry, "event");
    versions.push_back({{"event", event.is_null() ? ordered_json("") : event},
                        {"at", TextIn(entry, "created_at")},
                        {"old_text", TextIn(entry, "old_memory")},
                        {"new_text", TextIn(entry, "new_memory")}});
  }
  std::stable_sort(versions.begin(), versions.end(), [](const auto& a, const auto& b) {
    const auto time = [](const auto& version) {
      return version["at"].is_null() ? Instant{} : ParseRfc3339(version["at"].template get<std::string>()).value_or(Instant{});
    };
    return time(a) < time(b);
  });
  return ordered_json{{"project", call.Path("project")}, {"memory", call.Path("memory")}, {"versions", std::move(versions)}};
}

/// Adds the rows that a memory contributes to, according to one target's ledger.
void AddLineage(const Call& call, const TargetConfig& target, const std::string& dsn, ordered_json& rows_of_memory) {
  Session session = OpenCallSession(dsn);
  const Rows rows = session.Run(
      "SELECT c.mapping, c.name, c.item, r.relation, r.identity, c.stamp, r.created, r.gone, c.cells FROM "
      "membridge.contributions c "
      "JOIN membridge.rows r ON r.id = c.row_id WHERE c.project = $1 AND c.source IN (SELECT $2 UNION ALL "
      "SELECT s.source FROM membridge.sources s WHERE s.project = $1 AND s.memory = $2) ORDER BY c.mapping, c.name, c.item, r.id "
      "LIMIT 1000",
      {call.Path("project"), call.Path("memory")});
  for (std::size_t row = 0; row < rows.size(); ++row) {
    ordered_json cells = ordered_json::array();
    const auto claims = mappings::ParseExact(rows.Text(row, 8));
    for (const auto& [cell, claim] : claims.items()) {
      cells.push_back(
          {{"cell", cell}, {"value", claim.is_object() && claim.contains("v") ? claim["v"] : nlohmann::json(nullptr)}});
    }
    rows_of_memory.push_back({{"target", target.name},
                              {"mapping", rows.Text(row, 0)},
                              {"row", rows.Text(row, 1)},
                              {"item", rows.Text(row, 2)},
                              {"table", rows.Text(row, 3)},
                              {"identity", mappings::ParseExact(rows.Text(row, 4))},
                              {"version", TimeOf(rows, row, 5)},
                              {"created_by_bridge", rows.Bool(row, 6)},
                              {"gone", rows.Bool(row, 7)},
                              {"cells", std::move(cells)}});
  }
}

Answer ReadLineage(Call& call, const Parts& parts) {
  const auto project = ProjectOf(parts.config, call.Path("project"));
  if (!project) return tl::unexpected<Problem>(project.error());
  ordered_json rows = ordered_json::array();
  std::vector<std::string> seen;  // several targets may be in one database with one ledger
  for (const TargetConfig& target : parts.config.targets) {
    const std::string& dsn = parts.databases.DsnOf(target);
    if (std::find(seen.begin(), seen.end(), dsn) != seen.end()) continue;
    seen.push_back(dsn);
    AddLineage(call, target, dsn, rows);
  }
  return ordered_json{{"project", call.Path("project")}, {"memory", call.Path("memory")}, {"rows", std::move(rows)}};
}

Answer Explain(Call& call, const Parts& parts) {
  const auto in_force = parts.mappings().checked;
  const auto catalogs = ReadCatalogs(parts.config, parts.databases, in_force->configured);
  if (!catalogs) return Refuse(catalogs.error());
  std::vector<std::shared_ptr<const mappings::Mapping>> all;
  for (const ConfiguredMapping& each : in_force->configured) all.push_back(each.mapping);
  Error last{ErrorCode::kNotFound, "no mapping writes to any table", "list mapping files under `mappings:`"};
  for (const auto& [name, catalog] : *catalogs) {
    if (call.Query("target").value_or(name) != name) continue;
    Session target = OpenCallSession(parts.databases.DsnOf(*parts.config.FindTarget(name)), sync::postgres::SearchPath::kRoles);
    const auto history =
        sync::Why(target, call.state, catalog, all, *call.Query("table"), *call.Query("key"), call.Query("column"));
    if (history) {
      ordered_json view{{"target", name}};
      view.update(ordered_json(sync::WhyJson(*history)));
      return view;
    }
    last = history.error();
  }
  return Refuse(last);
}

}  // namespace

void AddMemoryCalls(Handlers& handlers, const Parts& parts) {
  handlers["listMemories"] = ListMemories;
  handlers["readMemory"] = ReadMemory;
  handlers["readMemoryRecord"] = ReadRecord;
  handlers["readMemoryHistory"] = [&parts](Call& call) { return ReadHistory(call, parts); };
  handlers["readLineage"] = [&parts](Call& call) { return ReadLineage(call, parts); };
  handlers["why"] = [&parts](Call& call) { return Explain(call, parts); };
}

}  // namespace membridge::admin::api
