#include "sync/queue/wake_up.hpp"

#include <algorithm>

#include "mappings/base/log.hpp"
#include "mappings/base/pause.hpp"
#include "sync/postgres/poolers.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLookForStop{250};
constexpr milliseconds kFirstPause{200};
constexpr milliseconds kLongestPause{10'000};

}  // namespace

WakeUp::WakeUp(std::optional<std::string> listen_dsn) {
  // Notices do not pass through a pooler.
  if (!listen_dsn || postgres::IsBehindPooler(*listen_dsn)) return;
  listener_ = std::jthread([this, dsn = std::move(*listen_dsn)](const std::stop_token& stop) { ListenUntil(stop, dsn); });
}

WakeUp::~WakeUp() = default;

void WakeUp::Poke() {
  {
    const std::lock_guard lock(mutex_);
    ++pokes_;
  }
  poked_.notify_all();
}

std::uint64_t WakeUp::Pokes() const {
  const std::lock_guard lock(mutex_);
  return pokes_;
}

bool WakeUp::Wait(std::uint64_t seen, milliseconds patience, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  return poked_.wait_for(lock, stop, patience, [&] { return pokes_ != seen; });
}

bool WakeUp::Listening() const {
  const std::lock_guard lock(mutex_);
  return listening_;
}

void WakeUp::ListenUntil(const std::stop_token& stop, const std::string& dsn) {
  const auto listening = [this](bool now) {
    const std::lock_guard lock(mutex_);
    return std::exchange(listening_, now);
  };
  milliseconds pause = kFirstPause;
  while (!stop.stop_requested()) {
    try {
      postgres::Session session(dsn, "membridge listen");
      // The notices would go to the client that has this server by then.
      if (postgres::MeetsPooler(session, dsn)) return;
      session.Listen(kDueChannel);
      listening(true);
      pause = kFirstPause;
      // Something may have been announced while this thread did not listen.
      Poke();
      while (!stop.stop_requested()) {
        if (session.WaitForNotice(kLookForStop)) Poke();
      }
    } catch (const postgres::SqlFailure& failure) {
      // Logged once per outage; workers keep polling.
      if (listening(false)) Log(LogLevel::kWarn, "listen_lost", {{"error", failure.what()}});
    }
    listening(false);
    Pause(stop, pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace membridge::sync
