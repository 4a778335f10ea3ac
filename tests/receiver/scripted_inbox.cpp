#include "tests/receiver/scripted_inbox.hpp"

#include <utility>

namespace membridge::test {

Result<std::vector<DeliveryId>> ScriptedInbox::Accept(const std::vector<sync::Delivery>& deliveries) {
  std::unique_lock lock{mutex_};
  batch_sizes_.push_back(deliveries.size());
  changed_.wait(lock, [this] { return !shut_; });
  if (script_) {
    const Result<void> result = script_(deliveries);
    if (!result) return tl::unexpected<Error>(result.error());
  }
  std::vector<DeliveryId> replays;
  for (const sync::Delivery& delivery : deliveries) {
    if (delivery.once && !seen_.insert(delivery.once->key).second) {
      replays.push_back(delivery.id);
    } else {
      stored_.push_back(delivery);
    }
  }
  return replays;
}

void ScriptedInbox::Script(std::function<Result<void>(const std::vector<sync::Delivery>&)> script) {
  const std::lock_guard lock{mutex_};
  script_ = std::move(script);
}

void ScriptedInbox::Shut() {
  const std::lock_guard lock{mutex_};
  shut_ = true;
}

void ScriptedInbox::Open() {
  {
    const std::lock_guard lock{mutex_};
    shut_ = false;
  }
  changed_.notify_all();
}

std::vector<sync::Delivery> ScriptedInbox::Stored() const {
  const std::lock_guard lock{mutex_};
  return stored_;
}

std::vector<std::size_t> ScriptedInbox::BatchSizes() const {
  const std::lock_guard lock{mutex_};
  return batch_sizes_;
}

}  // namespace membridge::test
