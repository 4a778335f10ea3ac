#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "mappings/files/load_context.hpp"

namespace membridge::mappings {

/// Reads the right side of an assignment. Returns nothing when there was a problem, which is reported.
std::optional<ValueSpec> ReadValue(const YamlNode& node, const NamesHere& here, LoadContext& context);

/// Reads a value that must be an expression (`when`, `each`). Text without `$` is a problem.
std::optional<Expression> ReadExpression(const YamlNode& node, const NamesHere& here, LoadContext& context);

/// Reads `when`: one expression or a list of them.
std::vector<Expression> ReadConditions(const YamlNode& node, const NamesHere& here, LoadContext& context);

/// Calls `visit` for every expression in a value.
void ForEachExpression(const ValueSpec& value, const std::function<void(const Expression&)>& visit);

}  // namespace membridge::mappings
