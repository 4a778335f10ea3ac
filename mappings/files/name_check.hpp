#pragma once

#include <string>

#include "mappings/files/load_context.hpp"
#include "mappings/language/expression_node.hpp"

namespace membridge::mappings {

/// Reports every path of the expression that leads nowhere from where it stands: unknown names, variables, asked-for fields.
void CheckNames(const Expression& expression, const NamesHere& here, LoadContext& context);

/// Whether plain text looks like a path whose `$` was forgotten: `memory.user_id`.
bool LooksLikePath(const std::string& text, const NamesHere& here, const LoadContext& context);

}  // namespace membridge::mappings
