#pragma once

#include <string>
#include <string_view>

namespace membridge {

/// The text with a to z for A to Z; every other byte stays as it is, whatever the process's locale. For names, ids and keywords:
/// what people wrote in other alphabets is the business of the mapping function `lower`.
std::string LoweredAscii(std::string_view text);

}  // namespace membridge
