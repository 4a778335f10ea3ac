#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/diagnostic.hpp"
#include "mappings/files/yaml_source.hpp"
#include "mappings/language/expression_parser.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// The state that all parts of the loader share. It lives as long as one LoadMapping() call. Threads: one.
struct LoadContext {
  const YamlSource& source;
  Diagnostics& problems;
  Mapping& mapping;
  SharedLookups lookups;
  std::vector<std::string> row_names;  ///< of all rows, collected before any of them is read
  std::vector<std::string> asked;      ///< the fields under `ask`
};

/// Which names an expression may use where it stands.
struct NamesHere {
  bool data = true;   ///< memory, export, event, now; else only vars
  bool now = false;   ///< only matters without `data`: `now` is known, too
  bool rows = false;  ///< other rows
  bool row = false;   ///< the row being written
  bool item = false;  ///< the element of `each`
  enum class ItemShape { kAny, kEntry, kText };
  ItemShape item_shape = ItemShape::kAny;  ///< kEntry: of `... | entries`; kText: of `$memory.categories`; kAny: not known
  std::string own_name;                    ///< of the row it stands in
};

/// Reports every entry of `map` whose key is not one of `known`, as `unknown {what} "tabel"; did you mean "table"?`.
void RefuseUnknownKeys(const YamlNode& map, const std::vector<std::string>& known, std::string_view what, Diagnostics& problems);

}  // namespace membridge::mappings
