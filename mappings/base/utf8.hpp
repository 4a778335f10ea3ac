#pragma once

#include <cstddef>
#include <string_view>

namespace membridge::mappings {

/// Returns the position of the first byte that is not well-formed UTF-8, or npos when the whole text is.
std::size_t FirstBadByte(std::string_view text);

/// Counts the characters (code points) of well-formed text.
std::size_t CountCharacters(std::string_view text);

/// Returns the first `count` characters, or the whole text when it is shorter.
std::string_view FirstCharacters(std::string_view text, std::size_t count);

/// Returns the text without white space (Unicode's White_Space) at both ends. Bytes that are not UTF-8 are not white space.
std::string_view Trimmed(std::string_view text);

}  // namespace membridge::mappings
