#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "mappings/check/catalog.hpp"

namespace membridge::mappings {

/// Returns why the column's type will refuse this constant, as the end of a sentence that starts with the column. Empty when the
/// type accepts it, or when only the database can tell (constraints of domains, formats of times). Thread-safe.
std::string FlawOfConstant(const Column& column, const nlohmann::json& constant);

}  // namespace membridge::mappings
