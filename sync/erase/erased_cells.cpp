#include "sync/erase/erased_cells.hpp"

#include <set>
#include <stdexcept>
#include <tuple>

#include "mappings/base/exact_json.hpp"
#include "mappings/base/log.hpp"
#include "mappings/base/table_name.hpp"
#include "sync/apply/cells.hpp"
#include "sync/apply/known_tables.hpp"
#include "sync/apply/ledger.hpp"
#include "sync/apply/ownership.hpp"
#include "sync/apply/table_reader.hpp"
#include "sync/apply/table_writer.hpp"
#include "sync/catalog/catalog_reader.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;
using postgres::ArrayOf;
using postgres::Param;
using postgres::Rows;

}  // namespace

ErasedCells::ErasedCells(postgres::Transaction& transaction, const ErasedSources& erased, ErasureCounts& counts, ToldRows& told)
    : transaction_(transaction),
      erased_(erased),
      counts_(counts),
      told_(told),
      ledger_(transaction),
      target_(transaction, erased.project) {
  KnownTables known{transaction_};
  known.FollowNames();
  const Rows named = transaction_.Run(
      "SELECT relation FROM membridge.rows UNION SELECT relation FROM membridge.versions UNION SELECT relation FROM "
      "membridge.released "
      "ORDER BY relation");
  CatalogRequest request;
  request.tables.emplace();
  for (std::size_t i = 0; i < named.size(); ++i) {
    relations_.emplace_back(named.Text(i, 0));
    if (const auto name = SchemaAndTable(relations_.back())) request.tables->push_back({name->first, name->second});
  }
  mappings::Catalog catalog = ReadCatalog(transaction_, request);
  known.DeclareIdentities(catalog, relations_);
  catalog_ = std::make_shared<const mappings::Catalog>(std::move(catalog));
  for (const mappings::Table* table : catalog_->Tables()) {
    if (table->Identity().empty()) continue;
    const TargetTable whole{*table, std::nullopt, std::nullopt};
    auto target =
        std::make_unique<TargetTable>(*table, std::nullopt, std::nullopt, KnownTables::ColumnsInLedger(transaction_, whole));
    target_.Try(whole.Relation(), [&] {
      known.Hold({target.get()});
      if (!known.Follow({target.get()}).is_current)
        throw std::runtime_error(whole.Relation() + " was altered while it was read; run it again");
      tables_[whole.Relation()] = std::move(target);
    });
  }
}

const TargetTable* ErasedCells::TableOf(const std::string& relation) const {
  const auto found = tables_.find(relation);
  return found == tables_.end() ? nullptr : found->second.get();
}

/// Logs neither the value nor the row, because they may name the person.
void ErasedCells::Tell(const std::string& relation, const std::string& cell) {
  ++counts_["cells_left"];
  Log(LogLevel::kWarn, "erasure_cell_left", {{"project", erased_.project.Text()}, {"table", relation}, {"cell", cell}});
}

/// Remembers the cells under one of the sources, for the next erasure.
void ErasedCells::Leave(const LedgerRow& row, const std::map<std::string, Content>& cells) {
  if (cells.empty() || erased_.sources.empty()) return;
  Released released;
  released.relation = row.relation;
  released.identity = row.identity;
  released.project = erased_.project.Text();
  released.source = erased_.sources.front();
  released.cells = cells;
  ledger_.Save(std::vector<Released>{released});
}

bool ErasedCells::DeleteRow(const LedgerRow& row) {
  const TargetTable* table = TableOf(row.relation);
  if (table == nullptr) return false;
  std::optional<Image> image;
  if (!target_.Try(row.relation, [&] {
        image = TableReader{*table, transaction_}.Fetch(TableReader::Lock::kWrite, {row.identity}).front();
      }))
    return false;
  if (!image) return true;
  if (MayDelete(*table, row, *image)) {
    const bool is_gone = target_.Delete(row.relation, row.identity);
    if (is_gone) told_.Gone(*table, row.identity);
    return is_gone;
  }
  // The row belongs to a person now. Values of ours that it still holds are counted with the released ones.
  std::map<std::string, Content> cells;
  for (const auto& [name, entry] : row.cells) {
    if (StandsAsWritten(*table, name, entry.written, *image)) cells[name] = entry.written;
  }
  for (const auto& [name, text] : row.made) {
    if (StandsAsWritten(*table, name, text, *image)) cells[name] = text;
  }
  Leave(row, cells);
  return true;
}

void ErasedCells::TakeBack(const std::vector<std::string>& row_ids) {
  const Rows rows = transaction_.Run(
      "SELECT l.relation, l.identity::text, coalesce((SELECT pg_catalog.json_agg(DISTINCT k.name) FROM membridge.contributions "
      "c, "
      "LATERAL pg_catalog.jsonb_object_keys(c.cells) AS k (name) WHERE c.row_id = l.id), '[]')::text, "
      "EXISTS (SELECT FROM membridge.contributions c WHERE c.row_id = l.id) "
      "FROM membridge.rows l WHERE l.id = ANY ($1::bigint[]) AND l.cells <> '{}' ORDER BY l.id",
      {ArrayOf({row_ids.begin(), row_ids.end()})});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto known = ledger_.Known(std::string{rows.Text(i, 0)}, mappings::ParseExact(rows.Text(i, 1)));
    const TargetTable* table = TableOf(std::string{rows.Text(i, 0)});
    if (!known || table == nullptr) continue;
    std::optional<Image> image;
    if (!target_.Try(known->relation,
                     [&] {
                       image = TableReader{*table, transaction_}.Fetch(TableReader::Lock::kWrite, {known->identity}).front();
                     }) ||
        !image)
      continue;
    const auto said = mappings::ParseExact(rows.Text(i, 2)).get<std::set<std::string>>();
    std::set<std::string> keys;
    for (const auto& [name, key] : known->keys) {
      for (const auto& [column, text] : key) keys.insert(column);
    }
    LedgerRow row = *known;
    std::map<std::string, Content> left;
    const bool is_the_row = IsTheKnownRow(*table, row, *image);
    for (const auto& [name, entry] : known->cells) {
      // Other sources still find the row by its keys.
      if (said.contains(name) || (rows.Bool(i, 3) && keys.contains(name)) || entry.given_back) continue;
      if (!StandsAsWritten(*table, name, entry.written, *image)) continue;
      const auto cell = CellNamed(*table, name);
      if (!cell || cell->kind == mappings::Cell::Kind::kElements) continue;
      RowChange change;
      change.identity = row.identity;
      const bool may = is_the_row && !(IsNotNull(*table, *cell) && IsEmpty(entry.before));
      if (may) WriteCell(*table, *cell, entry.before, change);
      std::optional<Image> after;
      const bool is_done = may && target_.Try(row.relation, [&] {
        after = TableWriter{*table, transaction_}.Update({change}, {&*image}).front();
      });
      if (is_done && after) {
        told_.Updated(*table, *image, *after, std::set<std::size_t>{});
        image = after;
        row.cells.erase(name);
      } else {
        left[name] = entry.written;
      }
    }
    ledger_.Save(std::vector<const LedgerRow*>{&row});
    Leave(row, left);
  }
}

void ErasedCells::CountReleased() {
  counts_["cells_left"] += 0;
  const std::vector<Param> who{erased_.project.Text(), ArrayOf({erased_.sources.begin(), erased_.sources.end()})};
  const Rows rows = transaction_.Run(
      "SELECT relation, identity::text, source, cells::text FROM membridge.released WHERE project = $1 AND source = ANY "
      "($2::text[]) "
      "ORDER BY relation, identity, source",
      who);
  std::set<std::tuple<std::string, std::string, std::string>> told;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string relation{rows.Text(i, 0)};
    const json identity = mappings::ParseExact(rows.Text(i, 1));
    const json cells = mappings::ParseExact(rows.Text(i, 3));
    const TargetTable* table = TableOf(relation);
    bool stands = false;
    if (table != nullptr) {
      std::optional<Image> image;
      const bool is_read = target_.Try(relation, [&] {
        image = TableReader{*table, transaction_}.Fetch(TableReader::Lock::kWrite, {identity}).front();
      });
      for (const auto& [name, cell] : cells.items()) {
        const bool is_left =
            !is_read || (image && (!cell.contains("w") || StandsAsWritten(*table, name, Content{cell["w"]}, *image)));
        if (is_left && told.emplace(relation, rows.Text(i, 1), name).second) Tell(relation, name);
        stands = stands || is_left;
      }
    } else if (catalog_->FindRelation(relation) != nullptr) {
      // The table exists, but its rows cannot be told apart any more.
      for (const auto& [name, cell] : cells.items()) Tell(relation, name);
      stands = true;
    }
    if (stands) continue;
    transaction_.Run("DELETE FROM membridge.released WHERE relation = $1 AND " + SameIdentity("identity", "$2::jsonb") +
                         " AND project = $3 AND source = $4",
                     {relation, mappings::ExactText(identity), who[0], std::string{rows.Text(i, 2)}});
  }
}

}  // namespace membridge::sync
