#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sync/postgres/session.hpp"

namespace membridge::sync::postgres {

/// A WHERE clause put together from the filters that are set. Values only ever become parameters.
class Where {
 public:
  /// Adds AND and a condition in which `?` stands for the value. The condition must come from our code. A value that contains NUL
  /// makes the condition false, since PostgreSQL cannot hold it.
  void Add(std::string_view condition, std::string value);
  /// Makes the clause false for every row.
  void AddNever() { sql_ += " AND false"; }

  /// "WHERE true AND …"
  const std::string& Sql() const { return sql_; }
  const std::vector<Param>& Params() const { return params_; }

 private:
  std::string sql_ = "WHERE true";
  std::vector<Param> params_;
};

}  // namespace membridge::sync::postgres
