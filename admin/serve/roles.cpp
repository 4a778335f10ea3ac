#include "admin/serve/roles.hpp"

#include <algorithm>

namespace membridge::admin {

const std::vector<std::string>& ServeRoles::AllNames() {
  static const std::vector<std::string> kNames{"receiver", "worker", "scheduler", "admin"};
  return kNames;
}

std::vector<std::string> ServeRoles::Names() const {
  std::vector<std::string> names;
  if (receiver) names.emplace_back("receiver");
  if (worker) names.emplace_back("worker");
  if (scheduler) names.emplace_back("scheduler");
  if (admin) names.emplace_back("admin");
  return names;
}

ServeRoles ServeRoles::Only(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  const auto has = [&](const char* name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  return {.receiver = has("receiver"), .worker = has("worker"), .scheduler = has("scheduler"), .admin = has("admin")};
}

}  // namespace membridge::admin
