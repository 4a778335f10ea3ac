#include "sync/erase/erased_versions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "mappings/base/exact_json.hpp"
#include "sync/apply/cells.hpp"
#include "sync/apply/ledger.hpp"
#include "sync/apply/table_reader.hpp"
#include "sync/apply/table_writer.hpp"
#include "sync/erase/erased_rows.hpp"

namespace membridge::sync {
namespace {

using mappings::Cell;
using nlohmann::json;
using postgres::Param;
using postgres::Rows;
using postgres::Transaction;

/// A closed version that erased sources spoke for.
struct Version {
  std::string relation;
  json identity;
  bool created = false;
  bool alone = true;         ///< no other source spoke for it
  std::vector<json> erased;  ///< cells, as the ledger keeps them, of each source that goes
  std::vector<json> others;  ///< and of those that stay
};

const mappings::Table* TableOf(const mappings::Catalog& catalog, const std::string& relation) {
  return catalog.FindRelation(relation);
}

std::vector<Param> Who(const ErasedSources& erased) {
  return {erased.project.Text(), postgres::ArrayOf({erased.sources.begin(), erased.sources.end()})};
}

/// Deletes versions for which no source spoke but that name the person, as a blank version may by its key.
void DeleteBlank(Transaction& transaction, const mappings::Catalog& catalog, const ErasedSources& erased, ErasedRows& target,
                 ErasureCounts& counts, ToldRows& told) {
  const Rows relations = transaction.Run("SELECT DISTINCT relation FROM membridge.versions WHERE source = ''");
  for (std::size_t at = 0; at < relations.size(); ++at) {
    const std::string relation{relations.Text(at, 0)};
    const mappings::Table* table = TableOf(catalog, relation);
    if (table == nullptr) continue;
    const Rows blank = transaction.Run(
        "SELECT l.identity::text" + NamingInSql(*table, "membridge.versions") + " AND l.source = ''", {relation, Who(erased)[1]});
    for (std::size_t row = 0; row < blank.size(); ++row) {
      const json identity = mappings::ParseExact(blank.Text(row, 0));
      const bool gone = target.Delete(relation, identity);
      if (gone) told.Gone(TargetTable{*table, std::nullopt, std::nullopt}, identity);
      ++counts[gone ? "versions_deleted" : "versions_left"];
      if (gone)
        transaction.Run("DELETE FROM membridge.versions WHERE relation = $1 AND " + SameIdentity("identity", "$2::jsonb") +
                            " AND source = ''",
                        {relation, std::string{blank.Text(row, 0)}});
    }
  }
}

std::vector<Version> VersionsOf(Transaction& transaction, const ErasedSources& erased) {
  const Rows rows = transaction.Run(fmt::format(R"(
      SELECT v.relation, v.identity::text, v.created, v.project = $1 AND v.source = ANY ($2::text[]), v.cells::text
      FROM membridge.versions v
      WHERE EXISTS (SELECT FROM membridge.versions e WHERE e.project = $1 AND e.source = ANY ($2::text[])
                                                       AND e.relation = v.relation AND {}))",
                                                SameIdentity("e.identity", "v.identity")),
                                    Who(erased));
  std::map<std::pair<std::string, std::string>, Version> versions;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Version& version = versions[{std::string{rows.Text(row, 0)}, std::string{rows.Text(row, 1)}}];
    version.relation = rows.Text(row, 0);
    version.identity = mappings::ParseExact(rows.Text(row, 1));
    version.created = version.created || rows.Bool(row, 2);
    const bool goes = rows.Bool(row, 3);
    version.alone = version.alone && goes;
    (goes ? version.erased : version.others).push_back(mappings::ParseExact(rows.Text(row, 4)));
  }
  std::vector<Version> list;
  for (auto& [ignored, version] : versions) list.push_back(std::move(version));
  return list;
}

/// The elements that were asked for of this cell.
json Asked(const std::vector<json>& claims, const std::string& name) {
  json asked = json::array();
  for (const json& cells : claims) {
    if (!cells.contains(name)) continue;
    for (const json& element : CellEntry::FromJson(cells[name]).written.value_or(json::array())) asked.push_back(element);
  }
  return asked;
}

bool Has(const json& list, const json& element) {
  return std::find(list.begin(), list.end(), element) != list.end();
}

/// Returns what a cell must hold without the erased claims; nothing when it stays as it is.
std::optional<Content> Without(const TargetTable& table, const Image& image, const Cell& cell, const CellEntry& entry,
                               const Version& version) {
  const Content current = ReadCell(table, image, cell);
  if (cell.kind == Cell::Kind::kElements) {
    if (!current || !current->is_array()) return std::nullopt;
    const json said = Asked(version.erased, cell.name);
    const json still = Asked(version.others, cell.name);
    json kept = json::array();
    for (const json& element : *current) {
      if (!Has(said, element) || Has(still, element)) kept.push_back(element);
    }
    return Content{std::move(kept)};
  }
  // A different content means that a person changed it after it was closed.
  if (current != entry.written) return std::nullopt;
  return IsNotNull(table, cell) && IsEmpty(entry.before) ? DefaultOf(table, cell) : entry.before;
}

/// Returns the change that removes what was said, and columns that tell whose version it was, such as `new: {told_by:
/// $memory.id}`.
RowChange VersionWithdrawal(const TargetTable& table, const Image& image, const Version& version, const ErasedSources& erased) {
  RowChange change;
  change.identity = version.identity;
  for (const json& cells : version.erased) {
    for (const auto& [name, entry] : cells.items()) {
      const auto cell = CellNamed(table, name);
      if (!cell) continue;
      if (const auto content = Without(table, image, *cell, CellEntry::FromJson(entry), version))
        WriteCell(table, *cell, *content, change);
    }
  }
  const std::vector<std::string> identity = table.Definition().Identity();
  for (std::size_t at = 0; at < image.size(); ++at) {
    const mappings::Column& column = table.At(at);
    const bool tells = image[at] && std::find(erased.sources.begin(), erased.sources.end(), *image[at]) != erased.sources.end();
    const bool is_identity = std::find(identity.begin(), identity.end(), column.name) != identity.end();
    const bool is_changed =
        std::any_of(change.columns.begin(), change.columns.end(), [&](const auto& one) { return one.first == at; });
    if (tells && !is_identity && !is_changed && !column.not_null && !column.generated) change.columns.emplace_back(at, nullptr);
  }
  std::sort(change.columns.begin(), change.columns.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return change;
}

}  // namespace

void CountVersions(Transaction& transaction, const ErasedSources& erased, ErasureCounts& counts) {
  for (const Version& version : VersionsOf(transaction, erased))
    ++counts[version.created && version.alone ? "versions_deleted" : "versions_changed"];
}

void EraseVersions(Transaction& transaction, const mappings::Catalog& catalog, const ErasedSources& erased, ErasureCounts& counts,
                   ToldRows& told) {
  ErasedRows target{transaction, erased.project};
  json left = json::array();  // found again by the next erasure
  for (const Version& version : VersionsOf(transaction, erased)) {
    const mappings::Table* definition = TableOf(catalog, version.relation);
    if (definition == nullptr) continue;
    const TargetTable table{*definition, std::nullopt, std::nullopt};
    const auto image = TableReader{table, transaction}.Fetch(TableReader::Lock::kWrite, {version.identity}).front();
    if (!image) continue;
    const bool shall_go = version.created && version.alone;
    if (shall_go && target.Delete(version.relation, version.identity)) {
      told.Gone(table, version.identity);
      ++counts["versions_deleted"];
      continue;
    }
    const RowChange change = VersionWithdrawal(table, *image, version, erased);
    const bool withdrawn = (change.columns.empty() && change.paths.empty()) || target.Try(version.relation, [&] {
      const auto after = TableWriter{table, transaction}.Update({change}, {&*image}).front();
      if (after) told.Updated(table, *image, *after, std::set<std::size_t>{});
    });
    if (!withdrawn) ++counts["withdrawals_refused"];
    ++counts[shall_go ? "versions_left" : "versions_changed"];
    if (shall_go || !withdrawn) left.push_back(nlohmann::json{version.relation, version.identity});
  }
  DeleteBlank(transaction, catalog, erased, target, counts, told);
  std::vector<Param> which = Who(erased);
  which.emplace_back(left.dump());
  transaction.Run(
      "DELETE FROM membridge.versions v WHERE v.project = $1 AND v.source = ANY ($2::text[]) AND NOT EXISTS "
      "(SELECT FROM jsonb_array_elements($3::jsonb) AS l WHERE l ->> 0 = v.relation AND l -> 1 = v.identity)",
      which);
}

}  // namespace membridge::sync
