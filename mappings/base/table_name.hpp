#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace membridge {

/// Returns the name, in double quotes when it contains a dot, begins with a quote, or begins or ends with a space: `contacts`,
/// `"my.table"`.
std::string QuotedIfNeeded(std::string_view name);

/// Returns the name in double quotes; a quote inside it is doubled.
std::string Quoted(std::string_view name);

/// Returns the table's name as mappings, ledger and messages write it: `dw.fact`, or `"my.schema"."my.table"` where a part needs
/// quotes.
std::string NameOfTable(std::string_view schema, std::string_view table);

/// Splits a name at its separators. Each part is plain or in double quotes (`""` inside quotes is one quote). Spaces around plain
/// parts are ignored. Returns nothing when a part is empty or a quote is not closed.
std::optional<std::vector<std::string>> PartsOfName(std::string_view text, char separator = '.');

/// Splits a name that NameOfTable() wrote into schema and table; the schema is empty when there is none. Returns nothing for any
/// other text.
std::optional<std::pair<std::string, std::string>> SchemaAndTable(std::string_view name);

}  // namespace membridge
