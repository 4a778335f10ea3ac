#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/time.hpp"

namespace membridge::sync::postgres {

/// A parameter in PostgreSQL's binary form.
struct BinaryParam {
  std::uint32_t type;  ///< oid of its type, one of those PostgreSQL is built with
  std::string bytes;
  bool is_null = false;
};

/// A bigint parameter.
BinaryParam BinaryNumber(std::int64_t number);

/// Builds one column of a batch as a binary array parameter, in place. Values need no escaping, printing or parsing.
class BinaryColumn {
 public:
  enum class Element { kUuid, kTime, kText, kBytes };
  explicit BinaryColumn(Element element);

  /// For kText (UTF-8 without NUL, as PostgreSQL checks) and kBytes.
  void Add(std::string_view bytes);
  /// For kUuid. Throws std::logic_error when the text is not a UUID of 36 characters.
  void AddUuid(std::string_view text);
  /// For kTime.
  void AddTime(Instant time);
  void AddNull();

  /// The finished array; the column is empty afterwards.
  BinaryParam Take();
  /// The one element of a column that holds one, as a value of its own; the column is empty afterwards.
  BinaryParam TakeOnly();

 private:
  void Length(std::size_t length);
  void Clear();

  Element element_;
  std::string bytes_;
  std::uint32_t elements_ = 0;
  bool has_null_ = false;
};

/// A statement that is sent often with binary parameters. The connection prepares it at first use. Behind a pooler in transaction
/// mode it is sent in full each time.
struct BinaryStatement {
  const char* name;  ///< unique in the program; `membridge_store`
  const char* sql;
};

}  // namespace membridge::sync::postgres
