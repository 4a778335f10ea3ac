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

/// Returns the place in a mapping that made this contribution to the cell, as in `contacts.yaml:12`; with an empty `cell`, to the
/// row. Empty when no mapping in force has it.
std::string PlaceOf(const std::vector<std::shared_ptr<const mappings::Mapping>>& mappings, const Contribution& contribution,
                    const std::string& cell);
/// Returns the memory that an event was about; empty for other sources.
std::string MemoryOfEvent(postgres::Transaction& target, const Contribution& contribution);

/// One claim on a cell, with its source.
struct Testimony {
  std::string project, mapping, source;
  std::string memory;    ///< for an event: the memory it was about; else empty, and `source` is the memory or the export's user
  std::string stamp;     ///< the version of the memory: its `updated_at`; for an event its time
  std::string place;     ///< `contacts.yaml:12`, when a loaded mapping has the line
  nlohmann::json value;  ///< as the column's type read it
  bool wins = false;     ///< the newest
  std::optional<std::string>
      delivery;  ///< the event's, else the last one that named the memory; nothing when it is not kept any more
  std::optional<std::string> received_at;
};

/// How one cell got its value.
struct CellHistory {
  std::string cell;
  nlohmann::json current;                 ///< null for NULL and for a path that is not there
  std::optional<nlohmann::json> before;   ///< the value when the bridge first wrote; nothing when it never wrote
  std::optional<nlohmann::json> written;  ///< the value after the bridge last wrote
  bool is_persons = false;                ///< a person changed it since, or the bridge never wrote it
  std::vector<Testimony> claims;          ///< newest first
};

/// What the ledger knows of one row, as Why() returns it.
struct RowHistory {
  std::string table;
  nlohmann::json identity;
  bool created_by_bridge = false;
  std::vector<Testimony> wanted_by;  ///< sources that want the row but claim none of its cells: the newest 20
  std::vector<CellHistory> cells;
};

/// Returns what the ledger knows of a row. `key` is the primary key's value (several columns: `a=1,b=2`), or `column=value` of
/// any column that selects one row. With `column`, returns only the cells in it. The ledger does not remember a value that the
/// bridge gave a column only when it made the row: then there are no cells, and `wanted_by` tells for whom the row was made.
/// `state` has the deliveries; both sessions may be on one database. kNotFound: there is no such table, row or cell; the message
/// says which. kRefused: several rows have that value.
Result<RowHistory> Why(postgres::Session& target, postgres::Session& state, const mappings::Catalog& catalog,
                       const std::vector<std::shared_ptr<const mappings::Mapping>>& mappings, const std::string& table,
                       const std::string& key, const std::optional<std::string>& column);

std::string WhyText(const RowHistory& history);
nlohmann::json WhyJson(const RowHistory& history);

}  // namespace membridge::sync
