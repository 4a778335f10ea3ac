#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace membridge::sync {

/// Whether PostgreSQL can hold the text in a text column: UTF-8 without NUL.
bool IsStorable(std::string_view text);

/// The text as PostgreSQL can hold it: NULs are left out, bytes that are not UTF-8 replaced.
std::string Storable(std::string_view text);

/// The value as the text of a jsonb, made storable wherever it is not; `{}` for null.
std::string StorableJson(const nlohmann::json& value);

}  // namespace membridge::sync
