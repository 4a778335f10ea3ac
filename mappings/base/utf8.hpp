#pragma once

#include <cstddef>
#include <string_view>

namespace membridge::mappings {

/// The position of the first byte that is not well-formed UTF-8; npos when all of it is.
std::size_t FirstBadByte(std::string_view text);

/// Characters (code points) in well-formed text.
std::size_t CountCharacters(std::string_view text);

/// The first `count` characters, or all when there are fewer.
std::string_view FirstCharacters(std::string_view text, std::size_t count);

/// Without white space (Unicode's White_Space) at both ends. Bytes that are no UTF-8 are not white space.
std::string_view Trimmed(std::string_view text);

}  // namespace membridge::mappings
