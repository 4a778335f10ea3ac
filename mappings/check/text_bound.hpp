#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mappings/check/catalog.hpp"
#include "mappings/language/expression_node.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// Computes what is known of an expression's values before there is a memory: its longest text and its constants. Thread-safe as
/// long as `column_of` is; the mapping outlives it.
class ValueForecast {
 public:
  /// Finds the column behind a path such as `$contact.id`; returns nullptr when the name is not a row.
  using ColumnOf = std::function<const Column*(const Path&)>;
  ValueForecast(const Mapping& mapping, ColumnOf column_of) : mapping_(mapping), column_of_(std::move(column_of)) {}

  /// Returns the largest number of characters that the expression's text can have; nothing when there is no bound. `truncate`
  /// without n counts as `own_length`.
  std::optional<std::size_t> LongestText(const Expression& expression, std::size_t own_length) const;

  /// Returns the constants that the expression may yield according to the mapping. For `... | map(language) | or('en')` these are
  /// `en` and all values of the table `language`.
  std::vector<nlohmann::json> Constants(const Expression& expression) const;

 private:
  std::optional<std::size_t> LongestOperand(const Expression::Node& node, std::size_t own_length) const;
  std::optional<std::size_t> After(const Call& call, std::optional<std::size_t> before, std::size_t own_length) const;
  const nlohmann::json* Variable(const Path& path) const;

  const Mapping& mapping_;
  ColumnOf column_of_;
};

}  // namespace membridge::mappings
