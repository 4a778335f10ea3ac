#include "sync/worker/lease_keeper.hpp"

#include <utility>

#include "mappings/base/log.hpp"

namespace membridge::sync {

LeaseKeeper::LeaseKeeper(std::string state_dsn, std::chrono::seconds lease)
    : lease_(lease),
      session_(std::move(state_dsn), "membridge leases"),
      thread_([this](const std::stop_token& stop) { Keep(stop); }) {}

LeaseKeeper::~LeaseKeeper() = default;

LeaseKeeper::Held LeaseKeeper::Hold(std::vector<Claim> claims) {
  const std::lock_guard lock{mutex_};
  claims_ = std::move(claims);
  held_since_ = advanced_at_ = std::chrono::steady_clock::now();
  ++round_;
  changed_.notify_all();
  return Held{*this};
}

void LeaseKeeper::Release() {
  const std::lock_guard lock{mutex_};
  claims_.clear();
  ++round_;
}

void LeaseKeeper::Advance() {
  const std::lock_guard lock{mutex_};
  advanced_at_ = std::chrono::steady_clock::now();
}

void LeaseKeeper::Keep(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  while (!stop.stop_requested()) {
    if (!changed_.wait(lock, stop, [this] { return !claims_.empty(); })) return;
    const std::uint64_t round = round_;
    changed_.wait_for(lock, stop, std::chrono::duration<double>{lease_} / 3, [&] { return round_ != round; });
    const auto now = std::chrono::steady_clock::now();
    const bool stands_still = now - advanced_at_ > lease_ || now - held_since_ > kLongest;
    if (stop.stop_requested() || round_ != round || stands_still) continue;
    const std::vector<Claim> claims = claims_;
    lock.unlock();
    Renew(claims);
    lock.lock();
  }
}

void LeaseKeeper::Renew(const std::vector<Claim>& claims) {
  try {
    postgres::Transaction transaction = session_.Get().Begin();
    Queue{transaction}.Renew(claims, lease_);
    transaction.Commit();
  } catch (const postgres::SqlFailure& failure) {
    // The fence still keeps two workers from writing; the lease may run out, and then the work is done again.
    Log(LogLevel::kWarn, "leases_not_renewed", {{"memories", claims.size()}, {"sqlstate", failure.fields().sqlstate}});
  }
}

}  // namespace membridge::sync
