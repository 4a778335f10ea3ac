#include "sync/postgres/kept_plans.hpp"

namespace membridge::sync::postgres {

KeptPlans::Way KeptPlans::WayFor(const std::string& sql, TimePoint now) {
  const auto found = known_.find(sql);
  if (found == known_.end()) {
    if (known_.size() >= kMost) Forget();
    known_.emplace(sql, Known{});
    return {};
  }
  Known& known = found->second;
  if (!known.name.empty() && now - known.since < kLife) return {known.name, false};
  if (!known.name.empty()) unused_.push_back(std::move(known.name));
  known = {"membridge_kept_" + std::to_string(++named_), now};
  return {known.name, true};
}

void KeptPlans::Forget() {
  for (auto& [sql, known] : known_) {
    if (!known.name.empty()) unused_.push_back(std::move(known.name));
  }
  known_.clear();
}

}  // namespace membridge::sync::postgres
