#pragma once

#include <string>

#include "mappings/files/load_context.hpp"
#include "mappings/language/expression_node.hpp"

namespace membridge::mappings {

/// Reports every path of the expression that cannot lead anywhere: unknown names, variables, and fields not under `ask`. `here`
/// says which names are known where the expression stands.
void CheckNames(const Expression& expression, const NamesHere& here, LoadContext& context);

/// Whether plain text looks like a path without its `$`, such as `memory.user_id`.
bool LooksLikePath(const std::string& text, const NamesHere& here, const LoadContext& context);

}  // namespace membridge::mappings
