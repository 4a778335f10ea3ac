#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace membridge::mappings {

/// Returns the address in `Bob@Example.org`, `Bob <Bob@Example.org>` or `mailto:bob@example.org`, in lower case. Nothing when
/// there is no address, or when mail systems would refuse it. The purpose is to keep wrong keys out of a database, not to accept
/// all of RFC 5322.
std::optional<std::string> EmailAddressIn(std::string_view text);

}  // namespace membridge::mappings
