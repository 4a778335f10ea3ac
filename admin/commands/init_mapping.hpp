#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mappings/check/catalog.hpp"

namespace membridge::admin {

/// What a first mapping of a table must know beyond the catalogue.
struct TableNotes {
  std::map<std::string, std::string>
      referenced;                 ///< by column: a value of the row that its foreign key may point at; may be empty
  std::set<std::string> checked;  ///< columns that a CHECK constraint looks at
};

/// A mapping file made from a table, for a person to go on with.
struct FirstMapping {
  std::string yaml;
  std::vector<std::string> left_open;  ///< what the person must decide before it works, a sentence each; empty: it works as it is
};

/// The column by which rows of a person are found: text, unique by itself, best by its name. Nothing when there is none.
const mappings::Column* PersonColumn(const mappings::Table& table);

/// A mapping that finds rows by PersonColumn(), fills plain text columns from metadata of the same name, gives new rows what they
/// need, shows the other columns as comments, and has one case. Without such a column every memory has a row of its own.
FirstMapping MakeFirstMapping(const mappings::Table& table, const TableNotes& notes);

}  // namespace membridge::admin
