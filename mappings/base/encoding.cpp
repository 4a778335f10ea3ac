#include "mappings/base/encoding.hpp"

namespace membridge {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string Encode(std::string_view bytes, std::string_view alphabet) {
  std::string text;
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : bytes) {
    held = (held << 8) | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6; bits -= 6) text += alphabet[(held >> (bits - 6)) & 63];
  }
  if (bits > 0) text += alphabet[(held << (6 - bits)) & 63];
  return text;
}

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
  std::string text = Encode(bytes, kStandard);
  while (text.size() % 4 != 0) text += '=';
  return text;
}

std::string EncodeBase64Url(std::string_view bytes) {
  return Encode(bytes, kUrl);
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  std::string bytes;
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : text.substr(0, text.find('='))) {
    const std::size_t value = kStandard.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    held = (held << 6) | static_cast<unsigned>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>((held >> bits) & 0xff);
  }
  // Encoding again reveals every remaining flaw: wrong padding and stray bits.
  if (EncodeBase64(bytes) != text) return std::nullopt;
  return bytes;
}

std::string EncodeHex(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kHex[byte >> 4];
    hex += kHex[byte & 15];
  }
  return hex;
}

std::optional<std::string> DecodeHex(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::size_t high = kHex.find(text[i]);
    const std::size_t low = kHex.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace membridge
