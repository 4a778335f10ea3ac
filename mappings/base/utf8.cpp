#include "mappings/base/utf8.hpp"

#include <array>

namespace membridge::mappings {
namespace {

bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// The length of the well-formed character at the front, or 0.
std::size_t WellFormed(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool surrogate = first == 0xED && second > 0x9F;
  const bool beyond = first == 0xF4 && second > 0x8F;
  return overlong || surrogate || beyond ? 0 : size;
}

constexpr std::array<std::string_view, 8> kSpaces{" ", "\t", "\n", "\r", "\f", "\v", "\u00A0", "\u3000"};

}  // namespace

std::size_t FirstBadByte(std::string_view text) {
  std::size_t position = 0;
  while (position < text.size()) {
    const std::size_t size = WellFormed(text.substr(position));
    if (size == 0) return position;
    position += size;
  }
  return std::string_view::npos;
}

std::size_t CountCharacters(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += IsContinuation(c) ? 0U : 1U;
  return count;
}

std::string_view FirstCharacters(std::string_view text, std::size_t count) {
  std::size_t position = 0;
  for (; position < text.size(); ++position) {
    if (IsContinuation(text[position])) continue;
    if (count == 0) break;
    --count;
  }
  return text.substr(0, position);
}

std::string_view Trimmed(std::string_view text) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view space : kSpaces) {
      if (text.substr(0, space.size()) == space) {
        text.remove_prefix(space.size());
        again = true;
      }
      if (text.size() >= space.size() && text.substr(text.size() - space.size()) == space) {
        text.remove_suffix(space.size());
        again = true;
      }
    }
  }
  return text;
}

}  // namespace membridge::mappings
