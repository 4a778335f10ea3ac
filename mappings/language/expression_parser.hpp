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

/// The tables under `maps`, shared with the calls of `map` that use them.
using SharedLookups = std::map<std::string, std::shared_ptr<const std::map<std::string, nlohmann::json>>>;

/// The text that holds an expression, where it is in the file, and where its problems go.
struct ExpressionSource {
  std::string_view text;                     ///< the whole scalar
  std::function<Place(std::size_t)> locate;  ///< from a position in `text` to its place in the file
  const SharedLookups& lookups;
  Diagnostics& problems;
  std::string hint;  ///< added to syntax errors; may be empty
};

/// Parses the expression that starts at `position`. It ends at the character `end` outside quotes, or at the end of the text when
/// `end` is '\0'; `position` is then behind it. Returns nothing when there was a problem, which is reported. Nesting is limited,
/// so any text is safe.
std::optional<Expression> ParseExpression(const ExpressionSource& source, std::size_t& position, char end = '\0');

}  // namespace membridge::mappings
