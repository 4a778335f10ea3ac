#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace membridge::mappings {

/// 64 lower-case hex digits.
std::string Sha256Hex(std::string_view bytes);

/// The name-based UUID of RFC 4122, version 5 (SHA-1): the same namespace and name give the same UUID everywhere.
/// `name_space` is a UUID in text; nothing when it is not one.
std::optional<std::string> Uuid5(std::string_view name_space, std::string_view name);

/// Whether it is a UUID in its usual text form, any case.
bool IsUuid(std::string_view text);

}  // namespace membridge::mappings
