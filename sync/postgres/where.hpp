#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sync/postgres/session.hpp"

namespace membridge::sync::postgres {

/// A WHERE clause put together from the filters that are set. Values only ever become parameters.
class Where {
 public:
  /// Adds AND and a condition of ours in which `?` stands for the value. A value with a NUL equals nothing in PostgreSQL.
  void Add(std::string_view condition, std::string value);
  /// Nothing can fulfil it.
  void AddNever() { sql_ += " AND false"; }

  /// "WHERE true AND …"
  const std::string& Sql() const { return sql_; }
  const std::vector<Param>& Params() const { return params_; }

 private:
  std::string sql_ = "WHERE true";
  std::vector<Param> params_;
};

}  // namespace membridge::sync::postgres
