#include "sync/postgres/where.hpp"

#include <utility>

namespace membridge::sync::postgres {

void Where::Add(std::string_view condition, std::string value) {
  if (value.find('\0') != std::string::npos) return AddNever();
  params_.emplace_back(std::move(value));
  const std::string parameter = "$" + std::to_string(params_.size());
  sql_ += " AND ";
  for (const char c : condition) {
    if (c == '?') {
      sql_ += parameter;
    } else {
      sql_ += c;
    }
  }
}

}  // namespace membridge::sync::postgres
