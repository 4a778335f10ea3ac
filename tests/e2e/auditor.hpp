#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace membridge::e2e {

/// What tests/proof/judge finds in the tables of this database, a line each: a second opinion beside Differences(), by a program
/// that reads the mapping's YAML itself. Empty is right.
std::vector<std::string> FindingsOfAuditor(const std::string& mapping, const std::vector<nlohmann::json>& records,
                                           const std::string& dsn);

}  // namespace membridge::e2e
