// The part of Worker that sees to it that parked memories are tried again by themselves.
#include "mappings/base/log.hpp"
#include "sync/worker/round.hpp"

namespace membridge::sync {
namespace {

constexpr std::size_t kRetriedAtOnce = 500;

}  // namespace

/// What became due: at once where mappings, tables or rows that this worker wrote changed, else by the clock.
void Worker::RetryParked() {
  const auto now = std::chrono::steady_clock::now();
  const auto mappings = mappings_();
  const bool is_new = mappings != tried_under_;
  if (!is_new && written_.empty() && now - looked_for_parked_ < options_.wake_every) return;
  looked_for_parked_ = now;
  postgres::Transaction transaction = State().Begin();
  if (is_new) {
    for (const auto& [project, mapped] : mappings->projects)
      Queue::HastenParkedOf(transaction, project, mapped.edition.empty() ? mapped.digest : mapped.edition);
  }
  Queue::HastenParked(transaction, {written_.begin(), written_.end()});
  const std::size_t retried = Queue::RetryParked(transaction, kRetriedAtOnce);
  transaction.Commit();
  tried_under_ = mappings;
  written_.clear();
  if (retried > 0) Log(LogLevel::kInfo, "parked_memories_retried", {{"memories", retried}});
  // There may be more: look again with the next round.
  if (retried == kRetriedAtOnce) looked_for_parked_ = {};
}

}  // namespace membridge::sync
