#pragma once

#include <chrono>
#include <map>
#include <string>

#include "mappings/base/result.hpp"
#include "sync/postgres/session.hpp"
#include "sync/targets/ledger_tie.hpp"

namespace membridge::sync {

/// Keeps what LedgerTie::Admit() returned for each target, for a worker that needs it for every batch. EnterLedger() checks in
/// each transaction that it still holds. For one thread.
class LedgerTies {
 public:
  static constexpr std::chrono::seconds kLookEvery{5};

  /// Returns the kept answer, or asks again when there is none or it is older than kLookEvery. Throws postgres::SqlFailure; then
  /// no answer is kept.
  const Result<Admission>& Renew(postgres::Session& state, postgres::Session& there, const std::string& target);
  /// Returns the kept answer without asking; null when there is none.
  const Result<Admission>* Find(const std::string& target) const;
  /// Keeps an admission that the caller has just checked again.
  void Trust(const std::string& target, const Admission& admission);
  /// Call when a session broke or EnterLedger() refused, since every answer may have changed.
  void Forget() { known_.clear(); }

 private:
  struct Answer {
    Result<Admission> admitted;
    std::chrono::steady_clock::time_point at;
  };
  std::map<std::string, Answer> known_;
};

}  // namespace membridge::sync
