#include "sync/targets/ledger_ties.hpp"

namespace membridge::sync {

const Result<Admission>& LedgerTies::Renew(postgres::Session& state, postgres::Session& there, const std::string& target) {
  const auto now = std::chrono::steady_clock::now();
  const auto found = known_.find(target);
  if (found != known_.end() && now - found->second.at < kLookEvery) return found->second.admitted;
  if (found != known_.end()) known_.erase(found);
  Answer answer{LedgerTie{state, there, target}.Admit(), now};
  // The other process is done in a moment, so the next call asks again.
  if (!answer.admitted && answer.admitted.error().code == ErrorCode::kUnavailable) answer.at = {};
  return known_.insert_or_assign(target, std::move(answer)).first->second.admitted;
}

void LedgerTies::Trust(const std::string& target, const Admission& admission) {
  known_.insert_or_assign(target, Answer{admission, std::chrono::steady_clock::now()});
}

const Result<Admission>* LedgerTies::Find(const std::string& target) const {
  const auto found = known_.find(target);
  return found == known_.end() ? nullptr : &found->second.admitted;
}

}  // namespace membridge::sync
