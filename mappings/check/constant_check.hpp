#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "mappings/check/catalog.hpp"

namespace membridge::mappings {

/// Why the column's type will refuse this constant, as the end of a sentence that starts with the column; empty when it will not,
/// or when only the database can tell (the constraints of domains, formats of times).
std::string FlawOfConstant(const Column& column, const nlohmann::json& constant);

}  // namespace membridge::mappings
