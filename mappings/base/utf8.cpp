#include "mappings/base/utf8.hpp"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cstdint>

// ICU's macros convert and cast in ways that these warnings reject.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wold-style-cast"

namespace membridge::mappings {
namespace {

const std::uint8_t* BytesOf(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

}  // namespace

std::size_t FirstBadByte(std::string_view text) {
  const std::uint8_t* const bytes = BytesOf(text);
  std::size_t position = 0;
  while (position < text.size()) {
    const std::size_t begin = position;
    UChar32 character = 0;
    U8_NEXT(bytes, position, text.size(), character);
    if (character < 0) return begin;
  }
  return std::string_view::npos;
}

std::size_t CountCharacters(std::string_view text) {
  const std::uint8_t* const bytes = BytesOf(text);
  std::size_t count = 0;
  for (std::size_t position = 0; position < text.size(); ++count) U8_FWD_1(bytes, position, text.size());
  return count;
}

std::string_view FirstCharacters(std::string_view text, std::size_t count) {
  const std::uint8_t* const bytes = BytesOf(text);
  std::size_t position = 0;
  for (; count > 0 && position < text.size(); --count) U8_FWD_1(bytes, position, text.size());
  return text.substr(0, position);
}

std::string_view Trimmed(std::string_view text) {
  const std::uint8_t* const bytes = BytesOf(text);
  std::size_t begin = 0;
  for (std::size_t next = 0; next < text.size(); begin = next) {
    UChar32 character = 0;
    U8_NEXT(bytes, next, text.size(), character);
    if (character < 0 || u_isUWhiteSpace(character) == 0) break;
  }
  // A text from PostgreSQL or Mem0 is shorter than 2 GiB, which U8_PREV counts in int32.
  auto end = static_cast<std::int32_t>(text.size());
  const auto first = static_cast<std::int32_t>(begin);
  for (std::int32_t before = end; before > first; end = before) {
    UChar32 character = 0;
    U8_PREV(bytes, first, before, character);
    if (character < 0 || u_isUWhiteSpace(character) == 0) break;
  }
  return text.substr(begin, static_cast<std::size_t>(end - first));
}

}  // namespace membridge::mappings

#pragma GCC diagnostic pop
