#include "sync/apply/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "mappings/base/exact_json.hpp"
#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;

json CellsJson(const std::map<std::string, Claimed>& cells) {
  json object = json::object();
  for (const auto& [name, claimed] : cells) {
    json& cell = object[name] = json::object();
    if (claimed.value) cell["v"] = *claimed.value;
    if (claimed.force) cell["f"] = true;
  }
  return object;
}

std::map<std::string, Claimed> CellsFrom(const json& object) {
  std::map<std::string, Claimed> cells;
  for (const auto& [name, cell] : object.items()) {
    cells[name] = {cell.contains("v") ? Content{cell["v"]} : Content{}, cell.value("f", false)};
  }
  return cells;
}

json Key(const Contribution& contribution) {
  return {{"r", contribution.row_id}, {"p", contribution.project}, {"m", contribution.mapping},
          {"s", contribution.source}, {"n", contribution.name},    {"i", contribution.item}};
}

std::optional<Instant> InstantAt(const postgres::Rows& rows, std::size_t row, std::size_t column) {
  return rows.IsNull(row, column) ? std::nullopt : ParseRfc3339(rows.Text(row, column));
}

LedgerRow RowAt(const postgres::Rows& rows, std::size_t at) {
  LedgerRow row;
  row.id = rows.Int(at, 0);
  row.relation = rows.Text(at, 1);
  row.identity = mappings::ParseExact(rows.Text(at, 2));
  row.created = rows.Bool(at, 3);
  row.gone = rows.Bool(at, 4);
  const json cells = mappings::ParseExact(rows.Text(at, 5));
  for (const auto& [name, entry] : cells.items()) row.cells[name] = CellEntry::FromJson(entry);
  row.ours = rows.Optional(at, 6);
  row.theirs = InstantAt(rows, at, 7);
  row.keys = mappings::ParseExact(rows.Text(at, 8)).get<decltype(row.keys)>();
  row.made = mappings::ParseExact(rows.Text(at, 9)).get<decltype(row.made)>();
  if (!rows.IsNull(at, 10)) row.kept = KeptCellsFrom(mappings::ParseExact(rows.Text(at, 10)));
  return row;
}

constexpr const char* kRowColumns =
    "l.id, l.relation, l.identity::text, l.created, l.gone, l.cells::text, l.ours, l.theirs::text, l.keys::text, l.made::text, "
    "l.kept::text";
constexpr const char* kContributionColumns =
    "c.row_id, c.project, c.mapping, c.source, c.name, c.item, c.stamp::text, c.goes, c.cells::text";

std::vector<Contribution> ContributionsIn(const postgres::Rows& rows) {
  std::vector<Contribution> contributions;
  contributions.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Contribution& one = contributions.emplace_back();
    one.row_id = rows.Int(i, 0);
    one.project = rows.Text(i, 1);
    one.mapping = rows.Text(i, 2);
    one.source = rows.Text(i, 3);
    one.name = rows.Text(i, 4);
    one.item = rows.Text(i, 5);
    one.stamp = InstantAt(rows, i, 6).value();
    one.goes = rows.Bool(i, 7);
    one.cells = CellsFrom(mappings::ParseExact(rows.Text(i, 8)));
  }
  return contributions;
}

}  // namespace

bool Contribution::IsNewerThan(const Contribution& other) const {
  return std::tie(stamp, source, project, mapping, name, item) >
         std::tie(other.stamp, other.source, other.project, other.mapping, other.name, other.item);
}

namespace {

std::vector<bool> EnterWith(postgres::Transaction& transaction, const std::string& mapping, const std::vector<Source>& sources,
                            const char* on_conflict) {
  postgres::Column projects, ids, stamps, fences, gone, memories;
  for (const Source& source : sources) {
    projects.AddText(source.project.Text());
    ids.AddText(source.id);
    stamps.AddTime(source.stamp);
    fences.AddNumber(source.fence);
    gone.AddBool(source.gone);
    if (source.memory.empty())
      memories.AddNull();
    else
      memories.AddText(source.memory);
  }
  const postgres::Rows rows = transaction.Run(
      std::string{
          "INSERT INTO membridge.sources AS s (project, mapping, source, stamp, fence, gone, memory) "
          "SELECT r.p, $7, r.s, r.t, r.f, r.g, r.m FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]), "
          "pg_catalog.unnest($3::timestamptz[]), pg_catalog.unnest($4::bigint[]), pg_catalog.unnest($5::boolean[]), "
          "pg_catalog.unnest($6::text[])) AS r(p, s, t, f, g, m) "
          "ORDER BY r.p, r.s ON CONFLICT (project, mapping, source) "} +
          on_conflict + " RETURNING s.project, s.source",
      {projects.Take(), ids.Take(), stamps.Take(), fences.Take(), gone.Take(), memories.Take(), mapping});
  std::set<std::pair<std::string_view, std::string_view>> entered;
  for (std::size_t i = 0; i < rows.size(); ++i) entered.emplace(rows.Text(i, 0), rows.Text(i, 1));
  std::vector<bool> may;
  for (const Source& source : sources) may.push_back(entered.contains({source.project.Text(), source.id}));
  return may;
}

// What the sources of $1 and $2, under the mapping $3, contribute to the ledger's rows. A source at a time, whatever the
// statistics say of the tables: OFFSET 0 leaves the planner no other way.
constexpr const char* kSaidBySources =
    " FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS r(p, s) CROSS JOIN LATERAL "
    "(SELECT * FROM membridge.contributions AS c WHERE c.project = r.p AND c.mapping = $3 AND c.source = r.s OFFSET 0) AS c "
    "CROSS JOIN LATERAL (SELECT l.relation, l.identity FROM membridge.rows AS l WHERE l.id = c.row_id OFFSET 0) AS l";

std::vector<postgres::Param> ParamsOf(const std::vector<Source>& sources, const std::string& mapping) {
  postgres::Column projects, ids;
  for (const Source& source : sources) {
    projects.AddText(source.project.Text());
    ids.AddText(source.id);
  }
  return {projects.Take(), ids.Take(), mapping};
}

}  // namespace

std::string SameIdentity(std::string_view one, std::string_view other) {
  // The index has the hashes, which are short however long a key is; equal hashes prove nothing, so the identities are compared
  // too.
  return fmt::format(
      "({0} = {1} AND pg_catalog.jsonb_hash_extended({0}, 0) = pg_catalog.jsonb_hash_extended({1}, 0) "
      "AND pg_catalog.jsonb_hash_extended({0}, 1) = pg_catalog.jsonb_hash_extended({1}, 1))",
      one, other);
}

std::vector<bool> Ledger::Enter(const std::string& mapping, const std::vector<Source>& sources) {
  // The update waits for a transaction that holds the source, in one order for all callers, and does not change what a later
  // claim wrote.
  return EnterWith(
      transaction_, mapping, sources,
      "DO UPDATE SET stamp = excluded.stamp, fence = excluded.fence, gone = excluded.gone WHERE s.fence <= excluded.fence");
}

std::vector<bool> Ledger::EnterOnce(const std::string& mapping, const std::vector<Source>& sources) {
  return EnterWith(transaction_, mapping, sources, "DO NOTHING");
}

std::vector<Contribution> Ledger::ContributionsOf(const std::string& mapping, const std::vector<Source>& sources) {
  const postgres::Rows rows =
      transaction_.Run(std::string{"SELECT "} + kContributionColumns + ", l.relation, l.identity::text" + kSaidBySources,
                       ParamsOf(sources, mapping));
  std::vector<Contribution> contributions = ContributionsIn(rows);
  for (std::size_t i = 0; i < contributions.size(); ++i) {
    contributions[i].relation = rows.Text(i, 9);
    contributions[i].identity = mappings::ParseExact(rows.Text(i, 10));
  }
  return contributions;
}

std::set<std::string> Ledger::RelationsOf(const std::string& mapping, const std::vector<Source>& sources) {
  const postgres::Rows rows =
      transaction_.Run(std::string{"SELECT DISTINCT l.relation"} + kSaidBySources, ParamsOf(sources, mapping));
  std::set<std::string> relations;
  for (std::size_t i = 0; i < rows.size(); ++i) relations.emplace(rows.Text(i, 0));
  return relations;
}

std::vector<Contribution> Ledger::ContributionsTo(const std::vector<std::int64_t>& row_ids) {
  if (row_ids.empty()) return {};
  return ContributionsIn(
      transaction_.Run(std::string{"SELECT "} + kContributionColumns +
                           " FROM pg_catalog.jsonb_array_elements_text($1::jsonb) AS r(id) CROSS JOIN LATERAL "
                           "(SELECT * FROM membridge.contributions AS c WHERE c.row_id = r.id::bigint OFFSET 0) AS c",
                       {mappings::ExactText(json(row_ids))}));
}

std::vector<LedgerRow> Ledger::RowsOf(const std::string& relation, const std::vector<json>& identities) {
  if (identities.empty()) return {};
  postgres::Column documents;
  for (const json& identity : identities) documents.AddText(mappings::ExactText(identity));
  // Locks one row at a time, in the order given, which is the same for all callers.
  const postgres::Rows rows =
      transaction_.Run(std::string{"SELECT "} + kRowColumns +
                           ", r.n FROM pg_catalog.unnest($1::jsonb[]) WITH ORDINALITY AS r(i, n) CROSS JOIN LATERAL "
                           "(SELECT * FROM membridge.rows AS l WHERE l.relation = $2 AND " +
                           SameIdentity("l.identity", "r.i") + " FOR UPDATE) AS l",
                       {documents.Take(), relation});
  std::vector<LedgerRow> found(identities.size());
  for (std::size_t i = 0; i < identities.size(); ++i) {
    found[i].relation = relation;
    found[i].identity = identities[i];
  }
  for (std::size_t at = 0; at < rows.size(); ++at) found[static_cast<std::size_t>(rows.Int(at, 11)) - 1] = RowAt(rows, at);
  return found;
}

std::optional<LedgerRow> Ledger::Known(const std::string& relation, const json& identity) {
  const postgres::Rows found =
      transaction_.Run(std::string{"SELECT "} + kRowColumns + " FROM membridge.rows AS l WHERE l.relation = $1 AND " +
                           SameIdentity("l.identity", "$2::jsonb"),
                       {relation, mappings::ExactText(identity)});
  return found.empty() ? std::nullopt : std::optional{RowAt(found, 0)};
}

std::vector<LedgerRow> Ledger::WithKeptAfter(std::int64_t id, std::size_t most) {
  const postgres::Rows found = transaction_.Run(std::string{"SELECT "} + kRowColumns +
                                                    " FROM membridge.rows AS l WHERE l.kept IS NOT NULL AND l.id > $1::bigint "
                                                    "ORDER BY l.id LIMIT $2::bigint",
                                                {std::to_string(id), std::to_string(most)});
  std::vector<LedgerRow> rows;
  for (std::size_t at = 0; at < found.size(); ++at) rows.push_back(RowAt(found, at));
  return rows;
}

std::optional<LedgerRow> Ledger::Locked(std::int64_t id) {
  const postgres::Rows found =
      transaction_.Run(std::string{"SELECT "} + kRowColumns + " FROM membridge.rows AS l WHERE l.id = $1::bigint FOR UPDATE",
                       {std::to_string(id)});
  return found.empty() ? std::nullopt : std::optional{RowAt(found, 0)};
}

void Ledger::Save(const std::vector<Contribution>& contributions) {
  if (contributions.empty()) return;
  std::vector<const Contribution*> all;
  for (const Contribution& contribution : contributions) all.push_back(&contribution);
  Save(all);
}

void Ledger::Save(const std::vector<const Contribution*>& contributions) {
  if (contributions.empty()) return;
  postgres::Column rows, projects, names_of_mappings, sources, names, items, stamps, go, cells;
  for (const Contribution* contribution : contributions) {
    rows.AddNumber(contribution->row_id);
    projects.AddText(contribution->project);
    names_of_mappings.AddText(contribution->mapping);
    sources.AddText(contribution->source);
    names.AddText(contribution->name);
    items.AddText(contribution->item);
    stamps.AddTime(contribution->stamp);
    go.AddBool(contribution->goes);
    cells.AddText(mappings::ExactText(CellsJson(contribution->cells)));
  }
  transaction_.Run(
      "INSERT INTO membridge.contributions AS c (row_id, project, mapping, source, name, item, stamp, goes, cells) "
      "SELECT * FROM ROWS FROM (pg_catalog.unnest($1::bigint[]), pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[]), "
      "pg_catalog.unnest($4::text[]), pg_catalog.unnest($5::text[]), pg_catalog.unnest($6::text[]), "
      "pg_catalog.unnest($7::timestamptz[]), pg_catalog.unnest($8::boolean[]), pg_catalog.unnest($9::jsonb[])) AS r "
      "ON CONFLICT (row_id, project, mapping, source, name, item) DO UPDATE SET stamp = excluded.stamp, goes = excluded.goes, "
      "cells = excluded.cells "
      "WHERE (c.stamp, c.goes, c.cells) IS DISTINCT FROM (excluded.stamp, excluded.goes, excluded.cells)",
      {rows.Take(), projects.Take(), names_of_mappings.Take(), sources.Take(), names.Take(), items.Take(), stamps.Take(),
       go.Take(), cells.Take()});
}

void Ledger::Remove(const std::vector<Contribution>& contributions) {
  if (contributions.empty()) return;
  json list = json::array();
  for (const Contribution& contribution : contributions) list.push_back(Key(contribution));
  transaction_.Run(
      "DELETE FROM membridge.contributions AS c USING pg_catalog.jsonb_to_recordset($1::jsonb) AS r(r bigint, p text, m text, s "
      "text, n "
      "text, i text) "
      "WHERE c.row_id = r.r AND c.project = r.p AND c.mapping = r.m AND c.source = r.s AND c.name = r.n AND c.item = r.i",
      {mappings::ExactText(list)});
}

namespace {

json AsJson(const LedgerRow& row) {
  json cells = json::object();
  for (const auto& [name, entry] : row.cells) cells[name] = entry.ToJson();
  return {{"i", row.id},
          {"r", row.relation},
          {"e", row.identity},
          {"d", row.created},
          {"g", row.gone},
          {"c", std::move(cells)},
          {"o", row.ours ? json(*row.ours) : json()},
          {"t", row.theirs ? json(FormatRfc3339(*row.theirs)) : json()},
          {"k", row.keys},
          {"m", row.made},
          {"q", ToJson(row.kept)}};
}

constexpr const char* kRowsGiven =
    " FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r(i bigint, r text, e jsonb, d boolean, g boolean, c jsonb, o text, "
    "t timestamptz, k jsonb, m jsonb, q jsonb)";

}  // namespace

void Ledger::Save(const std::vector<const LedgerRow*>& rows) {
  if (rows.empty()) return;
  json list = json::array();
  for (const LedgerRow* row : rows) list.push_back(AsJson(*row));
  transaction_.Run(
      std::string{"UPDATE membridge.rows AS l SET identity = r.e, created = r.d, gone = r.g, cells = r.c, ours = r.o, "
                  "theirs = r.t, keys = r.k, made = r.m, kept = r.q"} +
          kRowsGiven + " WHERE l.id = r.i",
      {mappings::ExactText(list)});
}

void Ledger::SaveOrMake(const std::vector<LedgerRow*>& rows) {
  std::vector<const LedgerRow*> known;
  std::vector<LedgerRow*> fresh;
  json list = json::array();
  for (LedgerRow* row : rows) {
    if (row->id != 0) {
      known.push_back(row);
    } else {
      fresh.push_back(row);
      list.push_back(AsJson(*row));
    }
  }
  Save(known);
  if (fresh.empty()) return;
  const postgres::Rows ids = transaction_.Run(
      std::string{"INSERT INTO membridge.rows (relation, identity, created, gone, cells, ours, theirs, keys, made, "
                  "kept) SELECT r.r, r.e, r.d, r.g, r.c, r.o, r.t, r.k, r.m, r.q"} +
          kRowsGiven + " ON CONFLICT DO NOTHING RETURNING id",
      {mappings::ExactText(list)});
  if (ids.size() != fresh.size())
    throw postgres::SqlFailure(
        {.sqlstate = "40001", .message = "another transaction noted the same rows of the target in the ledger"});
  for (std::size_t i = 0; i < fresh.size(); ++i) fresh[i]->id = ids.Int(i, 0);
}

void Ledger::Save(const std::vector<VersionClaim>& claims) {
  if (claims.empty()) return;
  json list = json::array();
  for (const VersionClaim& claim : claims) {
    json cells = json::object();
    for (const auto& [name, entry] : claim.cells) cells[name] = entry.ToJson();
    list.push_back({{"r", claim.relation},
                    {"i", claim.identity},
                    {"p", claim.project},
                    {"s", claim.source},
                    {"d", claim.created},
                    {"c", std::move(cells)}});
  }
  transaction_.Run(
      "INSERT INTO membridge.versions (relation, identity, project, source, created, cells) "
      "SELECT r.r, r.i, r.p, r.s, r.d, r.c FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r(r text, i jsonb, p text, s text, d "
      "boolean, c "
      "jsonb) "
      "ON CONFLICT DO NOTHING",
      {mappings::ExactText(list)});
}

void Ledger::Save(const std::vector<Released>& released) {
  if (released.empty()) return;
  json list = json::array();
  for (const Released& one : released) {
    json cells = json::object();
    for (const auto& [name, written] : one.cells) cells[name] = written ? json{{"w", *written}} : json::object();
    list.push_back({{"r", one.relation}, {"i", one.identity}, {"p", one.project}, {"s", one.source}, {"c", std::move(cells)}});
  }
  transaction_.Run(
      "INSERT INTO membridge.released AS e (relation, identity, project, source, cells) "
      "SELECT DISTINCT ON (r.r, r.i, r.p, r.s) r.r, r.i, r.p, r.s, r.c FROM pg_catalog.jsonb_to_recordset($1::jsonb) "
      "AS r(r text, i jsonb, p text, s text, c jsonb) "
      "ON CONFLICT (relation, pg_catalog.jsonb_hash_extended(identity, 0), pg_catalog.jsonb_hash_extended(identity, 1), project, "
      "source) "
      "DO UPDATE SET cells = e.cells || excluded.cells",
      {mappings::ExactText(list)});
}

void Ledger::NoteFormer(const std::vector<Contribution>& contributions) {
  if (contributions.empty()) return;
  json list = json::array();
  for (const Contribution& contribution : contributions) list.push_back(Key(contribution));
  transaction_.Run(
      "INSERT INTO membridge.former_speakers (row_id, project, source) "
      "SELECT DISTINCT r.r, r.p, r.s FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r(r bigint, p text, s text) "
      "WHERE EXISTS (SELECT FROM membridge.rows AS l WHERE l.id = r.r) ON CONFLICT DO NOTHING",
      {mappings::ExactText(list)});
}

void Ledger::Wake(const std::vector<Contribution>& contributions, const std::string& relation) {
  if (contributions.empty()) return;
  json list = json::array();
  for (const Contribution& contribution : contributions) list.push_back(Key(contribution));
  transaction_.Run(
      "INSERT INTO membridge.waiting AS w (project, mapping, source, relation, key, woken) "
      "SELECT DISTINCT r.p, r.m, r.s, $2, 0, true FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r(p text, m text, s text) "
      "ON CONFLICT (project, mapping, source, relation, key) DO UPDATE SET woken = true WHERE NOT w.woken",
      {mappings::ExactText(list), relation});
}

void Ledger::Forget(const std::vector<std::int64_t>& row_ids) {
  if (row_ids.empty()) return;
  transaction_.Run(
      "DELETE FROM membridge.rows AS l USING pg_catalog.jsonb_array_elements_text($1::jsonb) AS r(id) WHERE l.id = r.id::bigint",
      {mappings::ExactText(json(row_ids))});
}

}  // namespace membridge::sync
