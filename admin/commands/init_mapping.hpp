#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mappings/check/catalog.hpp"

namespace membridge::admin {

/// What MakeFirstMapping() needs to know about a table besides the catalogue.
struct TableNotes {
  std::map<std::string, std::string>
      referenced;                 ///< by column: a value of the row that its foreign key may refer to; may be empty
  std::set<std::string> checked;  ///< columns with a CHECK constraint
};

/// A mapping file made from a table, as a start for a person.
struct FirstMapping {
  std::string yaml;
  std::vector<std::string> left_open;  ///< one sentence for each decision that is still needed; empty: the mapping works as it is
};

/// Returns the column by which a person's row is found: a text column that is unique by itself and has the most suitable name.
/// nullptr when there is none.
const mappings::Column* PersonColumn(const mappings::Table& table);

/// Makes a mapping that finds rows by PersonColumn(), fills plain text columns from metadata of the same name and gives new rows
/// their required values. It lists the other columns as comments and has one test case. Without such a column, every memory gets
/// a row of its own.
FirstMapping MakeFirstMapping(const mappings::Table& table, const TableNotes& notes);

}  // namespace membridge::admin
