#pragma once

#include <chrono>

namespace membridge::sync::postgres {

/// How long a session waits. Every session sets them when it connects, so that no default of a role, a database or a server
/// decides it. Zero means without a bound.
struct Timeouts {
  std::chrono::milliseconds lock{2'000};                  ///< lock_timeout
  std::chrono::milliseconds statement{30'000};            ///< statement_timeout
  std::chrono::milliseconds idle_in_transaction{10'000};  ///< idle_in_transaction_session_timeout
};

/// What sessions that connect from now on set. `main` calls it once the configuration is read. Thread-safe.
void UseTimeouts(const Timeouts& timeouts);
Timeouts TimeoutsInUse();

}  // namespace membridge::sync::postgres
