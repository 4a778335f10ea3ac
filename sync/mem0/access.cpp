#include "sync/mem0/access.hpp"

#include <exception>
#include <utility>

#include "sync/mem0/client.hpp"

namespace membridge::sync::mem0 {

Access::Access(Options options) : options_(std::move(options)), key_(options_.key) {}

std::string Access::Key() const {
  const std::lock_guard lock{mutex_};
  return key_;
}

Access::State Access::Now() const {
  const std::lock_guard lock{mutex_};
  return state_;
}

bool Access::IsFresh() const {
  return fresh_until_ && Steady::now() < *fresh_until_;
}

Result<void> Access::Verdict() const {
  if (state_.standing == Standing::kRecognised) return {};
  if (state_.standing == Standing::kUnknown)
    return Fail(ErrorCode::kUnavailable, "it is not known yet which Mem0 project the API key belongs to");
  return tl::unexpected<Error>(state_.error);
}

Result<void> Access::Admit(const Ping& ping) {
  std::unique_lock lock{mutex_};
  for (;;) {
    if (IsFresh()) return Verdict();
    if (!asking_) break;
    // A recognised key stays in use while another thread pings again.
    if (state_.standing == Standing::kRecognised) return {};
    asked_.wait(lock);
    if (!asking_ && !IsFresh()) return Verdict();  // the last ping got no answer; another one at once would get none either
  }
  asking_ = true;
  const std::string key = key_;
  lock.unlock();
  Result<void> told;
  try {
    const Result<Account> account = ping(key);
    told = account ? options_.recognise(*account) : tl::unexpected<Error>(account.error());
    if (told) {
      Conclude(key, {Standing::kRecognised, {}});
    } else if (account && told.error().code == ErrorCode::kUnauthorized) {
      Conclude(key, {Standing::kOtherProject, told.error()});
    } else if (told.error().code == ErrorCode::kUnauthorized) {
      Conclude(key, {Standing::kKeyRefused, told.error()});
    }
  } catch (const std::exception&) {
    told = Fail(ErrorCode::kUnavailable, "the state database does not tell which Mem0 project is the right one");
  }
  lock.lock();
  asking_ = false;
  asked_.notify_all();
  if (told || IsFresh())
    return key == key_ ? Verdict()
                       : Result<void>{tl::unexpected<Error>({ErrorCode::kUnavailable, "the API key changed meanwhile", ""})};
  // The ping was not conclusive. A recognised key stays recognised; the call itself will find out whether Mem0 is away.
  if (state_.standing != Standing::kRecognised) return told;
  fresh_until_ = Steady::now() + options_.again;
  return {};
}

void Access::Conclude(const std::string& key, const State& state) {
  bool news = false;
  {
    const std::lock_guard lock{mutex_};
    if (key != key_) return;  // the key was replaced, and the new one is pinged on its own
    news = state.standing != state_.standing;
    state_ = state;
    fresh_until_ = Steady::now() + (state.standing == Standing::kRecognised ? options_.every : options_.again);
  }
  if (news && options_.changed) options_.changed(state);
}

bool Access::WasRefused(const std::string& key, const Error& error) {
  if (ReadKeyAgain()) return true;
  if (Key() != key) return true;
  Conclude(key, {Standing::kKeyRefused, error});
  return false;
}

bool Access::ReadKeyAgain() {
  if (!options_.read_key) return false;
  std::string key = options_.read_key();
  const std::lock_guard lock{mutex_};
  if (key.empty() || key == key_) return false;
  key_ = std::move(key);
  // The new key must be pinged before any other call. Until then the old key's standing must not let a call pass.
  if (state_.standing == Standing::kRecognised) state_ = {};
  fresh_until_.reset();
  return true;
}

}  // namespace membridge::sync::mem0
