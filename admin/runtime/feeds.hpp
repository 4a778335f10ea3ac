#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "admin/config/config.hpp"
#include "admin/runtime/databases.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/feed/call.hpp"
#include "sync/feed/control.hpp"
#include "sync/feed/position.hpp"

namespace membridge::admin {

/// A feed of the configuration, and how it goes.
struct FeedLook {
  const EndpointConfig* feed = nullptr;
  std::optional<sync::FeedStanding> standing;  ///< nothing: see `error`
  std::optional<Error> error;

  /// `told`: everything was posted; `behind`; `failing`: the last attempt failed; `paused`; `unknown`.
  std::string State() const;
};

/// `{"feed", "target", "address", "state", "waiting", "oldest", …}`.
nlohmann::ordered_json ViewOf(const FeedLook& look);

/// The operations on feeds that commands and the API share. Each opens a session on the target; for one thread. kNotFound: no
/// feed of this name is configured. kUnavailable: the target cannot be reached.
class Feeds {
 public:
  /// Both outlive it.
  Feeds(const Config& config, const Databases& databases) : config_(config), databases_(databases) {}

  FeedLook Look(const EndpointConfig& feed) const;
  Result<FeedLook> Look(const std::string& name) const;
  /// False: nothing changed, because it was so already.
  Result<bool> Pause(const std::string& name) const;
  Result<bool> Resume(const std::string& name, bool skip) const;
  Result<std::int64_t> CountSince(const std::string& name, Instant since) const;
  Result<void> Replay(const std::string& name, Instant since) const;
  /// Posts a test message. The answer may be a refusal.
  Result<sync::Posted> Test(const std::string& name) const;

 private:
  const Config& config_;
  const Databases& databases_;
};

}  // namespace membridge::admin
