#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// What a row's soft-delete column says, for the type of that column. Pure.
class Liveness {
 public:
  /// Everything referred to outlives it; `vars` are the mapping's.
  Liveness(const Live& live, const Column& column, const nlohmann::json* vars) : live_(live), column_(column), vars_(vars) {}

  const std::string& ColumnName() const { return live_.column; }
  /// Whether a row with this text in the column, as PostgreSQL prints it, is alive; nothing is NULL.
  bool IsLive(const std::optional<std::string>& text) const;
  /// What makes a row live again, and what marks it as deleted at the time `now` (RFC 3339).
  nlohmann::json LiveMark() const;
  nlohmann::json DeadMark(const std::string& now) const;
  /// Whether a new row must be given LiveMark(): its default is not known to be that of a live row.
  bool NeedsMark() const;

 private:
  bool Means(const std::string& text, const Constant& constant) const;

  const Live& live_;
  const Column& column_;
  const nlohmann::json* vars_;
};

}  // namespace membridge::mappings
