#include "sync/worker/counters.hpp"

#include <algorithm>

namespace membridge::sync {

void BatchCounts::AddTo(WorkerCounters& counters, Instant now) const {
  counters.applied += applied;
  counters.unchanged += unchanged;
  counters.withdrawn += withdrawn;
  counters.parked += parked;
  counters.suppressed += suppressed;
  counters.held += held;
  counters.late += late;
  counters.retried += retried;
  counters.events_counted += events_counted;
  counters.events_discarded += events_discarded;
  counters.events_parked += events_parked;
  for (const Instant marked : delivered) counters.lag.Observe(std::max(std::chrono::microseconds{0}, now - marked));
  if (newest_mark)
    counters.lag_microseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(0, (now - *newest_mark).count()));
}

}  // namespace membridge::sync
