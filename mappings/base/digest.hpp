#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace membridge::mappings {

/// Returns the SHA-256 of the bytes as 64 lower-case hex digits.
std::string Sha256Hex(std::string_view bytes);

/// The name-based UUID of RFC 4122, version 5 (SHA-1): the same namespace and name give the same UUID everywhere. `name_space` is
/// the text of a UUID; the result is nothing when it is not.
std::optional<std::string> Uuid5(std::string_view name_space, std::string_view name);

/// Whether the text is a UUID in its usual form (8-4-4-4-12 hex digits), in upper or lower case.
bool IsUuid(std::string_view text);

}  // namespace membridge::mappings
