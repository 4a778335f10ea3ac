#include "sync/postgres/column.hpp"

#include <charconv>
#include <stdexcept>
#include <utility>

namespace membridge::sync::postgres {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

int ValueOf(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  throw std::logic_error("a value read as hex digits holds something else");
}

}  // namespace

void Column::AddRaw(std::string_view raw) {
  Separate();
  text_ += raw;
}

void Column::AddText(std::string_view text) {
  Separate();
  text_ += '"';
  while (true) {
    const std::size_t special = text.find_first_of("\"\\");
    text_ += text.substr(0, special);
    if (special == std::string_view::npos) break;
    text_ += '\\';
    text_ += text[special];
    text.remove_prefix(special + 1);
  }
  text_ += '"';
}

void Column::AddNumber(std::int64_t number) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), number);
  static_cast<void>(error);  // 24 characters hold every 64-bit number
  AddRaw({digits, static_cast<std::size_t>(end - digits)});
}

Param Column::Take() {
  if (text_.empty()) text_.push_back('{');
  text_.push_back('}');
  return std::exchange(text_, {});
}

void AppendHex(std::string& text, std::string_view bytes) {
  const std::size_t start = text.size();
  text.resize(start + 2 * bytes.size());
  char* out = text.data() + start;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    *out++ = kHexDigits[byte >> 4];
    *out++ = kHexDigits[byte & 15];
  }
}

std::string BytesOfHex(std::string_view hex) {
  std::string bytes(hex.size() / 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(ValueOf(hex[2 * i]) * 16 + ValueOf(hex[2 * i + 1]));
  return bytes;
}

Instant TimeAt(const Rows& rows, std::size_t row, std::size_t column) {
  const std::optional<Instant> time = ParseRfc3339(rows.Text(row, column));
  if (!time) throw std::logic_error("a column read as a time holds none");
  return *time;
}

std::optional<Instant> OptionalTimeAt(const Rows& rows, std::size_t row, std::size_t column) {
  if (rows.IsNull(row, column)) return std::nullopt;
  return TimeAt(rows, row, column);
}

Param TimeParam(const std::optional<Instant>& time) {
  return time ? Param{FormatRfc3339(*time)} : Param{};
}

}  // namespace membridge::sync::postgres
