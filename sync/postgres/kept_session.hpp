#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sync/postgres/session.hpp"

namespace membridge::sync::postgres {

/// A session that its owner keeps for a long time. It connects when it is first needed, and again after it broke. For one thread.
class KeptSession {
 public:
  using Open = std::function<Session()>;

  /// Does not connect yet. Sessions are opened with these two.
  KeptSession(std::string dsn, std::string application_name);
  /// Does not connect yet. `open` connects, and throws SqlFailure when it cannot.
  explicit KeptSession(Open open);

  /// Returns a session that is not known to be broken; the reference is valid until the next call. Throws SqlFailure when it must
  /// connect and cannot.
  Session& Get();

  /// Whether a session was opened and not thrown away since. It may have broken.
  bool IsOpen() const noexcept { return session_.has_value(); }
  /// Whether a session was opened and broke: Get() will throw it away.
  bool IsBroken() const noexcept { return session_ && !session_->Usable(); }

 private:
  Open open_;
  std::optional<Session> session_;
};

}  // namespace membridge::sync::postgres
