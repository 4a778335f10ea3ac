#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace membridge {

/// With padding, the alphabet ending in "+/".
std::string EncodeBase64(std::string_view bytes);
/// Without padding, the alphabet ending in "-_": fit for URLs.
std::string EncodeBase64Url(std::string_view bytes);

/// Strict: padded, no blanks, no stray bits, so that every byte string has exactly one text. Nothing for any other text.
std::optional<std::string> DecodeBase64(std::string_view text);

std::string EncodeHex(std::string_view bytes);  ///< in lower case
/// Strict: pairs of digits in lower case only, so that every byte string has exactly one text. Nothing for any other text.
std::optional<std::string> DecodeHex(std::string_view text);

}  // namespace membridge
