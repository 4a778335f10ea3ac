#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "sync/inbox/inbox.hpp"

namespace membridge::test {

/// An Inbox that keeps what it is given but for replays, and fails or waits as it is told. Thread-safe.
class ScriptedInbox final : public sync::Inbox {
 public:
  Result<std::vector<DeliveryId>> Accept(const std::vector<sync::Delivery>& deliveries) override;

  /// Decides about every batch from now on; nothing: stores all.
  void Script(std::function<Result<void>(const std::vector<sync::Delivery>&)> script);
  /// Every Accept() waits until Open().
  void Shut();
  void Open();

  std::vector<sync::Delivery> Stored() const;
  std::vector<std::size_t> BatchSizes() const;  ///< of every attempt

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool shut_ = false;
  std::function<Result<void>(const std::vector<sync::Delivery>&)> script_;
  std::vector<sync::Delivery> stored_;
  std::set<std::string> seen_;
  std::vector<std::size_t> batch_sizes_;
};

}  // namespace membridge::test
