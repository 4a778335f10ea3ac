#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace membridge {

/// The name, in double quotes when it holds a dot, begins with a quote or has a space at an end: `contacts`, `"my.table"`.
std::string QuotedIfNeeded(std::string_view name);

/// The name in double quotes; a quote inside is doubled.
std::string Quoted(std::string_view name);

/// `dw.fact`, or `"my.schema"."my.table"` where a part needs quotes: how mappings, ledger and messages call a table.
std::string NameOfTable(std::string_view schema, std::string_view table);

/// The parts of a name written with dots, each plain or in double quotes (`""` inside quotes is one quote). Spaces around
/// plain parts do not count. Nothing when a part is empty or a quote is not closed.
std::optional<std::vector<std::string>> PartsOfName(std::string_view text, char separator = '.');

/// What NameOfTable() wrote, as schema and table; the schema is empty when there is none. Nothing for any other text.
std::optional<std::pair<std::string, std::string>> SchemaAndTable(std::string_view name);

}  // namespace membridge
