#pragma once

#include <nlohmann/json.hpp>

#include "mappings/base/diagnostic.hpp"
#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// The JSON Schema an export mapping sends to Mem0: one property per asked-for field, typed by the column the field goes to, each
/// `anyOf [it, null]` with default null. A field that passes through functions before its column is asked for as text.
nlohmann::json ExportSchema(const Mapping& mapping, const Catalog& catalog);

/// Reports fields whose type or description cannot be borrowed from a column and is not given.
void CheckAskedFields(const Mapping& mapping, const Catalog& catalog, Diagnostics& problems);

}  // namespace membridge::mappings
