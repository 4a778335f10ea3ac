#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// Reads and writes a row's soft-delete column according to the column's type. Immutable and thread-safe; does no I/O.
class Liveness {
 public:
  /// Everything referred to outlives it; `vars` are the mapping's.
  Liveness(const Live& live, const Column& column, const nlohmann::json* vars) : live_(live), column_(column), vars_(vars) {}

  const std::string& ColumnName() const { return live_.column; }
  /// Whether a row with this text in the column is alive. `text` is as PostgreSQL prints it; nothing stands for NULL.
  bool IsLive(const std::optional<std::string>& text) const;
  /// The value that marks a row as live, and the value that marks it as deleted at the time `now` (RFC 3339).
  nlohmann::json LiveMark() const;
  nlohmann::json DeadMark(const std::string& now) const;
  /// Whether an INSERT must write LiveMark(), because the column's default is not known to mean a live row.
  bool NeedsMark() const;

 private:
  bool Means(const std::string& text, const Constant& constant) const;

  const Live& live_;
  const Column& column_;
  const nlohmann::json* vars_;
};

}  // namespace membridge::mappings
