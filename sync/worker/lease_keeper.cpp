#include "sync/worker/lease_keeper.hpp"

#include <utility>

#include "mappings/base/log.hpp"
#include "sync/postgres/column.hpp"
#include "sync/queue/claim_keys.hpp"

namespace membridge::sync {
namespace {

// What an applying transaction has locked is stepped over: nobody else can take it over meanwhile, and waiting for it could not
// help.
constexpr const char* kRenewLeases = R"(
    WITH held AS MATERIALIZED (
      SELECT d.bucket, d.project, d.memory_id
      FROM unnest($1::smallint[], $2::text[], $3::text[], $4::bigint[]) AS c(bucket, project, memory_id, fence)
      JOIN membridge.dirty d ON d.bucket = c.bucket AND d.project = c.project AND d.memory_id = c.memory_id AND d.fence = c.fence
      FOR UPDATE OF d SKIP LOCKED)
    UPDATE membridge.dirty d SET claimed_until = statement_timestamp() + $5::bigint * interval '1 second'
    FROM held h WHERE d.bucket = h.bucket AND d.project = h.project AND d.memory_id = h.memory_id)";

}  // namespace

LeaseKeeper::LeaseKeeper(std::string state_dsn, std::chrono::seconds lease)
    : state_dsn_(std::move(state_dsn)), lease_(lease), thread_([this](const std::stop_token& stop) { Keep(stop); }) {}

LeaseKeeper::~LeaseKeeper() = default;

void LeaseKeeper::Hold(std::vector<Claim> claims) {
  const std::lock_guard lock{mutex_};
  claims_ = std::move(claims);
  held_since_ = std::chrono::steady_clock::now();
  advanced_ = true;
  ++round_;
  changed_.notify_all();
}

void LeaseKeeper::Release() {
  const std::lock_guard lock{mutex_};
  claims_.clear();
  ++round_;
}

void LeaseKeeper::Advance() {
  const std::lock_guard lock{mutex_};
  advanced_ = true;
}

void LeaseKeeper::Keep(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  while (!stop.stop_requested()) {
    if (!changed_.wait(lock, stop, [this] { return !claims_.empty(); })) return;
    const std::uint64_t round = round_;
    changed_.wait_for(lock, stop, std::chrono::duration<double>{lease_} / 3, [&] { return round_ != round; });
    const bool too_long = std::chrono::steady_clock::now() - held_since_ > kLongest;
    if (stop.stop_requested() || round_ != round || too_long || !std::exchange(advanced_, false)) continue;
    const std::vector<Claim> claims = claims_;
    lock.unlock();
    Renew(claims);
    lock.lock();
  }
}

void LeaseKeeper::Renew(const std::vector<Claim>& claims) {
  try {
    if (session_ && !session_->Usable()) session_.reset();
    if (!session_) session_.emplace(state_dsn_, "membridge leases");
    ClaimKeys keys;
    postgres::Column fences;
    for (const Claim& claim : claims) {
      keys.Add(claim);
      fences.AddNumber(claim.fence);
    }
    std::vector<postgres::Param> params = keys.Take();
    params.push_back(fences.Take());
    params.emplace_back(std::to_string(lease_.count()));
    session_->Run(kRenewLeases, params);
  } catch (const postgres::SqlFailure& failure) {
    // The fence still keeps two workers from writing; the lease may run out, and then the work is done again.
    Log(LogLevel::kWarn, "leases_not_renewed", {{"memories", claims.size()}, {"sqlstate", failure.fields().sqlstate}});
  }
}

}  // namespace membridge::sync
