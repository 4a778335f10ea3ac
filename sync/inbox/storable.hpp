#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace membridge::sync {

/// Whether PostgreSQL can hold the text in a text column: UTF-8 without NUL.
bool IsStorable(std::string_view text);

/// Returns the text as PostgreSQL can hold it: without NULs, and with invalid UTF-8 replaced.
std::string Storable(std::string_view text);

/// Returns the value as the text of a jsonb, made storable where it is not; `{}` for null.
std::string StorableJson(const nlohmann::json& value);

}  // namespace membridge::sync
