#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace membridge::mappings {

/// Shortens a name for an index, which takes at most `most` bytes. A name that fits stays as it is. A longer one becomes its
/// beginning and the SHA-256 of the whole name, so that different names stay different. `most` is at least 128.
std::string ShortName(std::string_view name, std::size_t most);

}  // namespace membridge::mappings
