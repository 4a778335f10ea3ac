#pragma once

#include <string>
#include <string_view>

namespace membridge {

/// Returns the text with A to Z in lower case. Every other byte stays as it is, in every locale. Use it for names, ids and
/// keywords; the mapping function `lower` handles text in all scripts.
std::string LoweredAscii(std::string_view text);

}  // namespace membridge
