#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace membridge::sync::postgres {

/// Which statements of a session are prepared, under which names, and for how long. It only keeps the books: the session prepares
/// and deallocates. A statement is prepared when it comes for the second time. Its plan serves for kLife, because a plan that was
/// made when a table was small is a bad one for long: PostgreSQL itself makes another only after an ANALYZE. For one thread.
class KeptPlans {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::seconds kLife{4};
  static constexpr std::size_t kMost = 400;  ///< statements; many mappings have some dozens each

  /// What to do to run a statement.
  struct Way {
    std::string name;      ///< of the prepared statement to run; empty: run the text
    bool prepare = false;  ///< prepare it under that name first
  };
  Way WayFor(const std::string& sql, TimePoint now);

  /// Tells that the statement could not be prepared.
  void Lacks(const std::string& sql) { known_.erase(sql); }
  /// Forgets all plans, because a statement failed: the cause may be that a table changed since it was planned.
  void Forget();

  /// Returns the names that are not used any more, once: deallocate them when no failed transaction is open.
  std::vector<std::string> TakeUnused() { return std::exchange(unused_, {}); }

 private:
  struct Known {
    std::string name;  // empty: came once
    TimePoint since{};
  };
  std::unordered_map<std::string, Known> known_;  // by text
  std::vector<std::string> unused_;
  std::size_t named_ = 0;
};

}  // namespace membridge::sync::postgres
