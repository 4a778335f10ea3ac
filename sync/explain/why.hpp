#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"
#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

struct Contribution;

/// `contacts.yaml:12`: where a mapping says what was contributed to the cell (to the row: no cell); empty when none in force
/// does.
std::string PlaceOf(const std::vector<std::shared_ptr<const mappings::Mapping>>& mappings, const Contribution& contribution,
                    const std::string& cell);
/// The memory an event was about; empty for other sources.
std::string MemoryOfEvent(postgres::Transaction& target, const Contribution& contribution);

/// One claim on a cell: who says it.
struct Testimony {
  std::string project, mapping, source;
  std::string memory;    ///< of an event: the memory it was about; else empty, and `source` is the memory or the export's user
  std::string stamp;     ///< the version of the memory: its `updated_at`; of an event its time
  std::string place;     ///< `contacts.yaml:12`, when a loaded mapping has the line
  nlohmann::json value;  ///< as the column's type read it
  bool wins = false;     ///< the newest
  std::optional<std::string> delivery;  ///< the event's, else the last one that named the memory; if it is still kept
  std::optional<std::string> received_at;
};

/// Why one cell holds what it holds.
struct CellHistory {
  std::string cell;
  nlohmann::json current;                 ///< null for NULL and for a path that is not there
  std::optional<nlohmann::json> before;   ///< what stood there when the bridge first wrote; nothing when it never did
  std::optional<nlohmann::json> written;  ///< what the bridge left there last
  bool is_persons = false;                ///< a person changed it since, or it was never ours
  std::vector<Testimony> claims;          ///< newest first
};

struct RowHistory {
  std::string table;
  nlohmann::json identity;
  bool created_by_bridge = false;
  std::vector<Testimony> wanted_by;  ///< who wants the row to be there without speaking for any of its cells: the newest 20
  std::vector<CellHistory> cells;
};

/// What the ledger knows of a row: `key` is the primary key's value (several columns: `a=1,b=2`), or `column=value` of
/// any column that tells one row. With `column` only the cells in it; what a column was given when the bridge made the row, and
/// never again, is not remembered apart: then there are no cells, and `wanted_by` tells for whom the row was made. `state` is
/// where the deliveries are; both sessions may be on one database. kNotFound: no such table, row or cell, in words. kRefused:
/// several rows have that value.
Result<RowHistory> Why(postgres::Session& target, postgres::Session& state, const mappings::Catalog& catalog,
                       const std::vector<std::shared_ptr<const mappings::Mapping>>& mappings, const std::string& table,
                       const std::string& key, const std::optional<std::string>& column);

std::string WhyText(const RowHistory& history);
nlohmann::json WhyJson(const RowHistory& history);

}  // namespace membridge::sync
