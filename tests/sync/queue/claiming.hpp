#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "sync/queue/queue.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::test {

inline const ProjectId kCrm{"crm"};

/// Runs `work(transaction)` in a transaction of its own, commits and returns what it returned.
template <class Work>
auto InTransaction(sync::postgres::Session& session, Work work) {
  sync::postgres::Transaction transaction = session.Begin();
  if constexpr (std::is_void_v<decltype(work(transaction))>) {
    work(transaction);
    transaction.Commit();
  } else {
    auto result = work(transaction);
    transaction.Commit();
    return result;
  }
}

template <class Work>
auto InTransaction(const PgDatabase& db, Work work) {
  sync::postgres::Session session = db.Session();
  return InTransaction(session, std::move(work));
}

inline std::vector<MemoryId> Ids(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

inline void Mark(const PgDatabase& db, const std::vector<std::string>& memories, std::string_view reason = "delivery") {
  InTransaction(db, [&](auto& transaction) { sync::Queue{transaction}.Mark(kCrm, Ids(memories), reason); });
}

/// Everything that is due, claimed.
inline std::vector<sync::Claim> ClaimAll(const PgDatabase& db, std::chrono::seconds lease = std::chrono::seconds{60}) {
  return InTransaction(db, [&](auto& transaction) {
    sync::Queue queue{transaction};
    return queue.ClaimDue(queue.DueBuckets(), 100'000, lease);
  });
}

inline sync::Claim ClaimOne(const PgDatabase& db) {
  std::vector<sync::Claim> claims = ClaimAll(db);
  if (claims.size() != 1) throw std::logic_error(std::to_string(claims.size()) + " memories are due, not one");
  return claims.front();
}

inline void Settle(const PgDatabase& db, const sync::Claim& claim, const sync::Settlement& settlement = {}) {
  InTransaction(db, [&](auto& transaction) { sync::Queue{transaction}.Settle({{claim, settlement}}); });
}

}  // namespace membridge::test
