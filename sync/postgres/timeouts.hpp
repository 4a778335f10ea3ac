#pragma once

#include <chrono>

namespace membridge::sync::postgres {

/// How long a session waits. Every session sets these values when it connects, so that defaults of the role, the database or the
/// server do not apply. Zero means no limit.
struct Timeouts {
  std::chrono::milliseconds lock{2'000};                  ///< lock_timeout
  std::chrono::milliseconds statement{30'000};            ///< statement_timeout
  std::chrono::milliseconds idle_in_transaction{10'000};  ///< idle_in_transaction_session_timeout
};

/// Sets the timeouts of sessions that connect later. `main` calls it once the configuration is read. Thread-safe.
void UseTimeouts(const Timeouts& timeouts);
Timeouts TimeoutsInUse();

}  // namespace membridge::sync::postgres
