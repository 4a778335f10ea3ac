#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync::postgres {

/// One column of a batch as an array parameter for `unnest($1::text[], …)`, built in place: a batch costs one string per column
/// however many rows it has.
class Column {
 public:
  explicit Column(std::size_t expected_bytes = 0) { text_.reserve(expected_bytes + 2); }

  void AddText(std::string_view text);  ///< anything but NUL
  void AddNumber(std::int64_t number);
  void AddBool(bool value) { AddRaw(value ? "t" : "f"); }
  void AddTime(Instant time) { AddText(FormatRfc3339(time)); }
  void AddNull() { AddRaw("NULL"); }

  /// The finished array; the Column is empty afterwards.
  Param Take();

 private:
  void AddRaw(std::string_view raw);
  void Separate() { text_ += text_.empty() ? '{' : ','; }

  std::string text_;
};

/// Appends bytes as hex digits. A bytea parameter is `\x` and these.
void AppendHex(std::string& text, std::string_view bytes);
/// Returns the bytes of encode(…, 'hex'). Precondition: the text holds only pairs of hex digits.
std::string BytesOfHex(std::string_view hex);

/// Returns a timestamptz of a result. Throws std::logic_error when the value is not a finite time: `infinity` throws too.
Instant TimeAt(const Rows& rows, std::size_t row, std::size_t column);
std::optional<Instant> OptionalTimeAt(const Rows& rows, std::size_t row, std::size_t column);
/// Returns a timestamptz parameter, NULL for nothing.
Param TimeParam(const std::optional<Instant>& time);

}  // namespace membridge::sync::postgres
