#pragma once

#include <nlohmann/json.hpp>

#include "mappings/base/diagnostic.hpp"
#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// Returns the JSON Schema that an export mapping sends to Mem0. It has one property per field under `ask`, with the type of the
/// column that the field goes to, each as `anyOf [type, null]` with default null. A field that passes through functions before
/// its column is asked for as text.
nlohmann::json ExportSchema(const Mapping& mapping, const Catalog& catalog);

/// Reports fields that have no type or description of their own and no column to take it from.
void CheckAskedFields(const Mapping& mapping, const Catalog& catalog, Diagnostics& problems);

}  // namespace membridge::mappings
