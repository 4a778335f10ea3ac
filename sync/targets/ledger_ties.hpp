#pragma once

#include <chrono>
#include <map>
#include <string>

#include "mappings/base/result.hpp"
#include "sync/postgres/session.hpp"
#include "sync/targets/ledger_tie.hpp"

namespace membridge::sync {

/// What LedgerTie::Admit() said of each target, for a worker that asks for every batch. That it still holds is checked by
/// EnterLedger() in each transaction. For one thread.
class LedgerTies {
 public:
  static constexpr std::chrono::seconds kLookEvery{5};

  /// Asks when nothing is known, or what is known is older than kLookEvery. Throws postgres::SqlFailure; then nothing is known.
  const Result<Admission>& Renew(postgres::Session& state, postgres::Session& there, const std::string& target);
  /// What is known; nothing is asked. Null: nothing.
  const Result<Admission>* Find(const std::string& target) const;
  /// It was looked at anew, and is as it was.
  void Trust(const std::string& target, const Admission& admission);
  /// A session broke or EnterLedger() refused: all of it may have changed.
  void Forget() { known_.clear(); }

 private:
  struct Answer {
    Result<Admission> admitted;
    std::chrono::steady_clock::time_point at;
  };
  std::map<std::string, Answer> known_;
};

}  // namespace membridge::sync
