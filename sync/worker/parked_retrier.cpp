#include "sync/worker/parked_retrier.hpp"

#include <vector>

#include "mappings/base/log.hpp"
#include "sync/queue/parking.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {
namespace {

constexpr std::size_t kRetriedAtOnce = 500;

}  // namespace

ParkedRetrier::ParkedRetrier(std::chrono::seconds look_every, TiedSessions& sessions, const MappingsInForce& mappings)
    : look_every_(look_every), sessions_(sessions), mappings_(mappings) {}

void ParkedRetrier::Retry() {
  const auto now = std::chrono::steady_clock::now();
  const auto mappings = mappings_();
  const bool is_new = mappings != tried_under_;
  if (!is_new && written_.empty() && now - looked_at_ < look_every_) return;
  looked_at_ = now;
  postgres::Transaction transaction = sessions_.State().Begin();
  if (is_new) {
    for (const auto& [project, mapped] : mappings->projects)
      Parked{transaction}.HastenOf(project, mapped.edition.empty() ? mapped.digest : mapped.edition);
  }
  Parked{transaction}.Hasten({written_.begin(), written_.end()});
  const std::size_t retried = Parked{transaction}.Retry(kRetriedAtOnce);
  transaction.Commit();
  tried_under_ = mappings;
  written_.clear();
  if (retried > 0) Log(LogLevel::kInfo, "parked_memories_retried", {{"memories", retried}});
  // There may be more: look again with the next round.
  if (retried == kRetriedAtOnce) looked_at_ = {};
}

}  // namespace membridge::sync
