#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "mappings/files/load_context.hpp"

namespace membridge::mappings {

/// The right side of a cell. Problems are reported and yield nothing.
std::optional<ValueSpec> ReadValue(const YamlNode& node, const NamesHere& here, LoadContext& context);

/// An expression, where only one makes sense (`when`, `each`): text without `$` is a problem.
std::optional<Expression> ReadExpression(const YamlNode& node, const NamesHere& here, LoadContext& context);

/// `when`: one expression or a list of them.
std::vector<Expression> ReadConditions(const YamlNode& node, const NamesHere& here, LoadContext& context);

/// Every expression in a value.
void ForEachExpression(const ValueSpec& value, const std::function<void(const Expression&)>& visit);

}  // namespace membridge::mappings
