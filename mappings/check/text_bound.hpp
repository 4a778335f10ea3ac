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

/// What is known, before any memory comes, of the values an expression can have.
class ValueForecast {
 public:
  /// `column_of` finds the column behind `$contact.id`; nullptr for names that are no rows.
  using ColumnOf = std::function<const Column*(const Path&)>;
  ValueForecast(const Mapping& mapping, ColumnOf column_of) : mapping_(mapping), column_of_(std::move(column_of)) {}

  /// The most characters its text can have; nothing when there is no bound. `truncate` without n counts as `own_length`.
  std::optional<std::size_t> LongestText(const Expression& expression, std::size_t own_length) const;

  /// The constants it may yield by the tables and defaults written in the mapping: of `... | map(language) | or('en')`, en and
  /// all values of the table.
  std::vector<nlohmann::json> Constants(const Expression& expression) const;

 private:
  std::optional<std::size_t> LongestOperand(const Expression::Node& node, std::size_t own_length) const;
  std::optional<std::size_t> After(const Call& call, std::optional<std::size_t> before, std::size_t own_length) const;
  const nlohmann::json* Variable(const Path& path) const;

  const Mapping& mapping_;
  ColumnOf column_of_;
};

}  // namespace membridge::mappings
