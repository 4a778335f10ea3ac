#include "sync/apply/missing_rows.hpp"

#include <algorithm>
#include <optional>

#include "mappings/base/exact_json.hpp"
#include "sync/apply/table_reader.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;
using KeyColumn = TargetTable::KeyColumn;

/// The lock number of a table. Transactions that make rows of it hold it shared; one that is the first to look by certain columns
/// holds it exclusively.
constexpr const char* kTableLock = "pg_catalog.hashtextextended('membridge.sought ' || r.relation, 0)";

json AsJson(const TargetTable& table, const std::vector<KeyColumn>& key) {
  json columns = json::array();
  for (const KeyColumn& part : key) {
    columns.push_back(json::array({table.At(part.column).name, part.lowered}));
    if (!part.path.empty()) columns.back().push_back(part.path);
  }
  return columns;
}

/// Nothing when the table does not have one of the columns any more.
std::optional<std::vector<KeyColumn>> KeyIn(const TargetTable& table, const json& columns) {
  std::vector<KeyColumn> key;
  for (const json& part : columns) {
    const auto column = table.IndexOf(part.at(0).get<std::string>());
    if (!column) return std::nullopt;
    // The transaction that looked for it recorded the column, and this plan is older.
    if (!table.Reads(*column))
      throw postgres::SqlFailure({.sqlstate = "40001", .message = "rows of the table are looked for by another column since"});
    key.push_back({*column, part.at(1).get<bool>(), part.size() > 2 ? part.at(2).get<std::vector<std::string>>() : JsonPath{}});
  }
  return key;
}

/// Whether PostgreSQL can hash all the key's types. It cannot for a few types that are hardly used as keys.
bool IsHashable(const TargetTable& table, const std::vector<KeyColumn>& key) {
  return std::none_of(key.begin(), key.end(), [&](const KeyColumn& part) {
    const std::string& type = table.At(part.column).type;
    return type == "money" || type.starts_with("bit") || type == "tsvector" || type == "tsquery";
  });
}

}  // namespace

std::vector<std::string> Waits::Seek(const TargetTable& table, const std::vector<KeyColumn>& key,
                                     const std::vector<json>& values) {
  if (!IsHashable(table, key)) return {};
  Announce(table, key);
  return TableReader{table, transaction_}.NumbersFor(committed_ ? TableReader::Purpose::kLook : TableReader::Purpose::kCompare,
                                                     key, values);
}

/// Records that all transactions that make rows of the table must compare them by these columns from now on. The first time per
/// table and columns it waits for the transactions that are making rows and do not know it yet.
void Waits::Announce(const TargetTable& table, const std::vector<KeyColumn>& key) {
  const json columns = AsJson(table, key);
  if (!announced_.emplace(table.Relation(), columns).second) return;
  const std::vector<postgres::Param> what{table.Relation(), mappings::ExactText(columns)};
  const auto is_known = [&] {
    return transaction_.Run("SELECT EXISTS (SELECT FROM membridge.sought WHERE relation = $1 AND columns = $2::jsonb)", what)
        .Bool(0, 0);
  };
  if (is_known()) return;
  if (committed_) {
    transaction_.Run(
        std::string{"SELECT pg_catalog.pg_advisory_xact_lock("} + kTableLock + ") FROM (SELECT $1::text AS relation) AS r",
        {table.Relation()});
    if (is_known()) return;
  }
  transaction_.Run("INSERT INTO membridge.sought (relation, columns) VALUES ($1, $2::jsonb)", what);
}

void Waits::Note(const Source& source, const TargetTable& table, const std::string& number) {
  notes_.emplace(source.project.Text(), source.id, table.Relation(), number);
}

void Waits::Appeared(const TargetTable& table, const Image& row, const Image& before, const std::set<std::size_t>& sources) {
  const bool is_back = !before.empty() && !table.IsLive(before) && table.IsLive(row);
  news_.try_emplace(table.Relation(), News{&table, {}}).first->second.rows.push_back({row, is_back ? Image{} : before, sources});
}

void Waits::Book(const std::vector<const Source*>& sources) {
  if (sources.empty()) return;
  json whose = json::array();
  for (const Source* source : sources) whose.push_back({{"p", source->project.Text()}, {"s", source->id}});
  json notes = json::array();
  for (const auto& [project, source, relation, key] : notes_)
    notes.push_back({{"p", project}, {"s", source}, {"r", relation}, {"k", key}});
  transaction_.Run(
      "DELETE FROM membridge.waiting AS w USING pg_catalog.jsonb_to_recordset($1::jsonb) AS o(p text, s text) "
      "WHERE w.project = o.p AND w.mapping = $2 AND w.source = o.s AND (w.relation, w.key) NOT IN "
      "(SELECT n.r, n.k FROM pg_catalog.jsonb_to_recordset($3::jsonb) AS n(p text, s text, r text, k bigint) WHERE n.p = o.p AND "
      "n.s = o.s)",
      {mappings::ExactText(whose), mapping_, mappings::ExactText(notes)});
  if (notes.empty()) return;
  transaction_.Run(
      "INSERT INTO membridge.waiting AS w (project, mapping, source, relation, key) "
      "SELECT n.p, $2, n.s, n.r, n.k FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS n(p text, s text, r text, k bigint) ORDER "
      "BY 1, 3, 4, "
      "5 "
      "ON CONFLICT (project, mapping, source, relation, key) DO UPDATE SET woken = false WHERE w.woken",
      {mappings::ExactText(notes), mapping_});
}

/// Returns the keys by which missing rows of the tables with news were looked for. A statement of its own takes the locks first,
/// so that the second statement sees what was committed while the first one waited.
std::map<std::string, std::vector<std::vector<KeyColumn>>> Waits::Sought() {
  json relations = json::array();
  for (const auto& [relation, news] : news_) relations.push_back(relation);
  const std::string tables =
      "(SELECT t.relation FROM pg_catalog.jsonb_array_elements_text($1::jsonb) AS t(relation) ORDER BY 1) AS r";
  if (committed_)
    transaction_.Run(std::string{"SELECT pg_catalog.pg_advisory_xact_lock_shared("} + kTableLock + ") FROM " + tables,
                     {relations.dump()});
  const postgres::Rows rows = transaction_.Run(
      "SELECT DISTINCT s.relation, s.columns::text FROM " + tables + " JOIN membridge.sought AS s USING (relation) ORDER BY 1, 2",
      {relations.dump()});
  std::map<std::string, std::vector<std::vector<KeyColumn>>> sought;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string relation{rows.Text(i, 0)};
    if (auto key = KeyIn(*news_.at(relation).table, mappings::ParseExact(rows.Text(i, 1))))
      sought[relation].push_back(std::move(*key));
  }
  return sought;
}

/// Returns the numbers of the keys under which the rows can be found now and could not be before.
std::vector<std::string> Waits::KeysOf(const News& news, const std::vector<KeyColumn>& key) {
  std::vector<json> values;
  for (const Row& row : news.rows) {
    const bool differs = row.before.empty() || std::any_of(key.begin(), key.end(), [&](const KeyColumn& part) {
                           return row.before[part.column] != row.image[part.column];
                         });
    if (!differs) continue;
    json& value = values.emplace_back(json::object());
    for (const KeyColumn& part : key) value[news.table->NameOf(part)] = news.table->ValueOf(part, row.image);
  }
  if (values.empty()) return {};
  return TableReader{*news.table, transaction_}.NumbersFor(TableReader::Purpose::kCompare, key, values);
}

std::set<std::size_t> Waits::Settle(const std::vector<const Source*>& sources) {
  Book(sources);
  if (news_.empty()) return {};
  std::set<std::size_t> waking;
  for (const auto& [relation, keys] : Sought()) {
    const News& news = news_.at(relation);
    json numbers = json::array();
    for (const auto& key : keys) {
      for (std::string& number : KeysOf(news, key)) numbers.push_back(std::move(number));
    }
    if (numbers.empty()) continue;
    transaction_.Run(
        "INSERT INTO membridge.made (relation, key) SELECT DISTINCT $1, k::bigint FROM "
        "pg_catalog.jsonb_array_elements_text($2::jsonb) AS "
        "n(k)",
        {relation, numbers.dump()});
    for (const Row& row : news.rows) waking.insert(row.sources.begin(), row.sources.end());
  }
  return waking;
}

bool Waits::Match(postgres::Transaction& transaction) {
  bool all = true;
  std::vector<postgres::Param> after{"", "0"};
  while (true) {
    const postgres::Rows made = transaction.Run(
        "WITH next AS MATERIALIZED (SELECT DISTINCT relation, key FROM membridge.made WHERE (relation, key) > ($1, $2::bigint) "
        "ORDER BY 1, 2 LIMIT "
        "1000) SELECT relation, key, pg_catalog.pg_try_advisory_xact_lock(key) FROM next ORDER BY 1, 2",
        after);
    if (made.empty()) return all;
    after = {std::string{made.Text(made.size() - 1, 0)}, std::string{made.Text(made.size() - 1, 1)}};
    json mine = json::array();
    for (std::size_t row = 0; row < made.size(); ++row) {
      if (made.Bool(row, 2))
        mine.push_back({{"r", made.Text(row, 0)}, {"k", made.Text(row, 1)}});
      else
        all = false;
    }
    // Skips a note that another transaction changes now: its memory has found the row, since a transaction that misses it would
    // hold the key.
    transaction.Run(
        "UPDATE membridge.waiting AS w SET woken = true WHERE w.ctid = ANY (ARRAY("
        "SELECT w.ctid FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS n(r text, k bigint) "
        "JOIN membridge.waiting AS w ON w.relation = n.r AND w.key = n.k WHERE NOT w.woken FOR UPDATE OF w SKIP LOCKED))",
        {mappings::ExactText(mine)});
    transaction.Run(
        "DELETE FROM membridge.made AS m USING pg_catalog.jsonb_to_recordset($1::jsonb) AS n(r text, k bigint) WHERE m.relation "
        "= n.r AND "
        "m.key = n.k",
        {mappings::ExactText(mine)});
  }
}

void Waits::Forget(postgres::Transaction& transaction, const std::string& mapping, const Source& source) {
  transaction.Run("DELETE FROM membridge.waiting WHERE project = $1 AND mapping = $2 AND source = $3",
                  {source.project.Text(), mapping, source.id});
}

}  // namespace membridge::sync
