#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace membridge::mappings {

/// A name as it stands in an index, which takes no more than so many bytes: itself when it fits, else its beginning and the
/// SHA-256 of all of it, so that different names stay different. `most` is at least 128.
std::string ShortName(std::string_view name, std::size_t most);

}  // namespace membridge::mappings
