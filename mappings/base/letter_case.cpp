#include "mappings/base/letter_case.hpp"

#include <algorithm>

namespace membridge {
namespace {

// std::tolower asks the locale, which is many times slower; every delivery calls this hundreds of times.
char Lowered(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::string LoweredAscii(std::string_view text) {
  std::string lowered{text};
  std::ranges::transform(lowered, lowered.begin(), Lowered);
  return lowered;
}

}  // namespace membridge
