#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mappings/language/expression.hpp"
#include "mappings/language/functions.hpp"
#include "mappings/language/pattern.hpp"

namespace membridge::mappings {

/// `memory.metadata.emails[0]`: a name of the scope, then keys and positions (negative ones count from the end).
struct Path {
  using Step = std::variant<std::string, std::int64_t>;
  std::string name;
  std::vector<Step> steps;
  Place place;  ///< of its first letter
};

/// Text with holes as the operand of an expression: `"${item.key}:${memory.id}"`.
struct Template {
  std::vector<std::variant<std::string, Expression>> parts;  ///< one part without a value makes the whole missing
};

/// One function of a pipe, with everything that could be prepared from its arguments when the file was read.
struct Call {
  const Function* function = nullptr;
  std::vector<Expression> arguments;
  Place place;                                                          ///< of the function's name
  std::shared_ptr<const Pattern> pattern;                               ///< of a function that takes one
  std::optional<std::string> separator;                                 ///< of `split` by a single character
  std::shared_ptr<const std::map<std::string, nlohmann::json>> lookup;  ///< of `map`
  std::optional<std::size_t> length;                                    ///< of `truncate` without n, once bound to its column
};

/// Whether the call is a `truncate` without n, which takes the length of its column.
bool IsOpenTruncate(const Call& call);

/// An operand and the functions that it is piped through.
struct Expression::Node {
  std::variant<Path, nlohmann::json, Expression, Template> operand;
  std::vector<Call> calls;
};

/// Returns a value as text for a hole: a list with commas between its elements, an object as JSON. Nothing for null.
std::optional<std::string> Spoken(const nlohmann::json& value);
/// Returns the joined text of the parts; missing when one part is missing.
std::optional<std::string> TextOfParts(const std::vector<std::variant<std::string, Expression>>& parts, const Scope& scope);

/// Visits every path of the expression, including paths in arguments and parentheses.
void ForEachPath(const Expression& expression, const std::function<void(const Path&)>& visit);

}  // namespace membridge::mappings
