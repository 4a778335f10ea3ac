#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace membridge::mappings {

/// The address in `Bob@Example.org`, `Bob <Bob@Example.org>` or `mailto:bob@example.org`, in lower case. Nothing when there is
/// none, or when it is one that mail systems refuse: it is meant to keep wrong keys out of a database, not to accept all of RFC
/// 5322.
std::optional<std::string> EmailAddressIn(std::string_view text);

}  // namespace membridge::mappings
