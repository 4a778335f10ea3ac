#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace membridge {

/// Encodes as base64 with padding; the alphabet ends in "+/".
std::string EncodeBase64(std::string_view bytes);
/// Encodes as base64url without padding, for use in URLs; the alphabet ends in "-_".
std::string EncodeBase64Url(std::string_view bytes);

/// Decodes base64 strictly: with padding, without blanks and without stray bits, so that every byte string has exactly one text.
/// Returns nothing for any other text.
std::optional<std::string> DecodeBase64(std::string_view text);

std::string EncodeHex(std::string_view bytes);  ///< in lower case
/// Decodes pairs of lower-case hex digits only, so that every byte string has exactly one text. Returns nothing for any other
/// text.
std::optional<std::string> DecodeHex(std::string_view text);

}  // namespace membridge
