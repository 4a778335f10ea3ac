#include "receiver/committer.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "mappings/base/log.hpp"

namespace membridge::receiver {

Committer::Committer(const std::vector<sync::Inbox*>& inboxes, Limits limits, Hooks hooks)
    : limits_(limits), hooks_(std::move(hooks)) {
  for (sync::Inbox* inbox : inboxes) lanes_.push_back({inbox});
  for (Lane& lane : lanes_) lane.thread = std::thread{[this, &lane] { Run(lane); }};
}

Committer::~Committer() {
  Stop();
}

bool Committer::TryHandOver(sync::Delivery delivery, Done done) {
  {
    const std::lock_guard lock{mutex_};
    const std::size_t bytes = delivery.body.size();
    if (stopping_ || queue_.size() + committing_ >= limits_.max_queued || queued_bytes_ + bytes > limits_.max_queued_bytes) {
      return false;
    }
    queued_bytes_ += bytes;
    queue_.push_back({std::move(delivery), std::move(done), std::chrono::steady_clock::now()});
  }
  changed_.notify_one();
  return true;
}

void Committer::Stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  for (Lane& lane : lanes_) {
    if (lane.thread.joinable()) lane.thread.join();
  }
}

std::size_t Committer::Queued() const {
  const std::lock_guard lock{mutex_};
  return queue_.size() + committing_;
}

std::chrono::milliseconds Committer::Lag() const {
  const std::lock_guard lock{mutex_};
  std::optional<Time> oldest;
  if (!queue_.empty()) oldest = queue_.front().since;
  for (const Lane& lane : lanes_) {
    if (lane.since && (!oldest || *lane.since < *oldest)) oldest = lane.since;
  }
  if (!oldest) return std::chrono::milliseconds{0};
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - *oldest);
}

void Committer::Run(Lane& lane) {
  while (const std::optional<Batch> batch = NextBatch(lane)) {
    Commit(lane, *batch);
    const std::lock_guard lock{mutex_};
    committing_ -= batch->done.size();
    lane.since.reset();
  }
}

std::optional<Committer::Batch> Committer::NextBatch(Lane& lane) {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  if (queue_.empty()) return std::nullopt;
  Batch batch;
  lane.since = queue_.front().since;
  std::size_t bytes = 0;
  while (!queue_.empty() && batch.done.size() < limits_.max_batch) {
    Waiting& next = queue_.front();
    bytes += next.delivery.body.size();
    if (bytes > limits_.max_batch_bytes && !batch.done.empty()) break;
    queued_bytes_ -= next.delivery.body.size();
    batch.deliveries.push_back(std::move(next.delivery));
    batch.done.push_back(std::move(next.done));
    queue_.pop_front();
  }
  committing_ += batch.done.size();
  return batch;
}

void Committer::Commit(Lane& lane, const Batch& batch) {
  const Result<std::vector<DeliveryId>> stored = Attempt(lane, batch.deliveries);
  if (!stored && stored.error().code != ErrorCode::kUnavailable && batch.done.size() > 1) return CommitHalves(lane, batch);
  if (stored && hooks_.on_committed) hooks_.on_committed(batch.deliveries);
  for (std::size_t i = 0; i < batch.done.size(); ++i) {
    if (!stored) {
      batch.done[i](tl::unexpected<Error>(stored.error()));
      continue;
    }
    const bool before = std::find(stored->begin(), stored->end(), batch.deliveries[i].id) != stored->end();
    batch.done[i](before ? Fate::kBefore : Fate::kStored);
  }
}

// Commits the batch in halves when one of its deliveries, and not the database, causes the failure. The other deliveries must not
// fail with it.
void Committer::CommitHalves(Lane& lane, const Batch& batch) {
  const std::size_t middle = batch.done.size() / 2;
  Batch first;
  Batch second;
  for (std::size_t i = 0; i < batch.done.size(); ++i) {
    Batch& half = i < middle ? first : second;
    half.deliveries.push_back(batch.deliveries[i]);
    half.done.push_back(batch.done[i]);
  }
  Commit(lane, first);
  Commit(lane, second);
}

Result<std::vector<DeliveryId>> Committer::Attempt(Lane& lane, const std::vector<sync::Delivery>& deliveries) {
  const auto start = std::chrono::steady_clock::now();
  Result<std::vector<DeliveryId>> stored;
  try {
    stored = lane.inbox->Accept(deliveries);
  } catch (const std::exception&) {
    // Do not use what(): it may quote the data that was being stored.
    stored = Fail(ErrorCode::kUnavailable, "storing deliveries failed unexpectedly");
  }
  if (hooks_.on_attempt) hooks_.on_attempt(deliveries.size(), std::chrono::steady_clock::now() - start, stored.has_value());
  if (!stored && !failing_.exchange(true)) {
    Log(LogLevel::kWarn, "deliveries_not_stored",
        {{"error", stored.error().message}, {"hint", stored.error().hint}, {"deliveries", deliveries.size()}});
  } else if (stored && failing_.exchange(false)) {
    Log(LogLevel::kInfo, "deliveries_stored_again", {{"deliveries", deliveries.size()}});
  }
  return stored;
}

}  // namespace membridge::receiver
