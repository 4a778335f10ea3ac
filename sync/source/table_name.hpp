#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace membridge::sync::source {

/// The name of a table with its schema.
struct TableName {
  std::string schema = "public";
  std::string table;

  /// Reads `memories`, `public.memories` or `"Some Schema"."Memories"`. Without quotes, upper case stays as it is written,
  /// because Mem0 quotes the names of its collections. Returns nothing for any other text.
  static std::optional<TableName> Parse(std::string_view text);

  std::string Quoted() const;   ///< for SQL: "public"."memories"
  std::string Written() const;  ///< for people: public.memories
};

}  // namespace membridge::sync::source
