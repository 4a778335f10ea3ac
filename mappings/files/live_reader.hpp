#pragma once

#include <optional>

#include "mappings/files/load_context.hpp"

namespace membridge::mappings {

/// Reads `live`: `deleted_at`, `active`, `"!isdeleted"`, or `{column: deleteat, is: 0, gone: 1}`. Problems are reported.
std::optional<Live> ReadLive(const YamlNode& node, LoadContext& context);

}  // namespace membridge::mappings
