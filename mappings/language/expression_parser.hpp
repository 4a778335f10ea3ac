#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "mappings/base/diagnostic.hpp"
#include "mappings/language/expression.hpp"

namespace membridge::mappings {

/// The tables under `maps`, shared with the expressions that look things up in them.
using SharedLookups = std::map<std::string, std::shared_ptr<const std::map<std::string, nlohmann::json>>>;

/// Where the text of an expression stands, and where its problems go.
struct ExpressionSource {
  std::string_view text;                     ///< the whole scalar
  std::function<Place(std::size_t)> locate;  ///< from a position in `text` to its place in the file
  const SharedLookups& lookups;
  Diagnostics& problems;
  std::string hint;  ///< added to syntax errors; may be empty
};

/// Parses the expression that starts at `position` and ends at `end` (the terminator, outside of quotes) or at the end of the
/// text when `end` is '\0'; `position` then stands behind it. Problems are reported and yield nothing. Nesting is limited, so any
/// text is safe.
std::optional<Expression> ParseExpression(const ExpressionSource& source, std::size_t& position, char end = '\0');

}  // namespace membridge::mappings
