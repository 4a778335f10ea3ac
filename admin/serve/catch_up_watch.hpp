#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "admin/config/config.hpp"
#include "admin/runtime/periodic.hpp"
#include "mappings/base/time.hpp"

namespace membridge::admin {

/// Says that this process takes deliveries, and has swept what nobody could take: after a start, unless another process listened
/// all the while, and after a webhook was made. Threads: one of its own; Want() from any.
class CatchUpWatch {
 public:
  /// `queued` is called when a sweep was queued. Everything referred to outlives it. Make it once deliveries are taken.
  CatchUpWatch(const Config& config, std::string state_dsn, const Clock& clock, std::function<void()> queued);

  /// A full sweep of the project is wanted. Throws postgres::SqlFailure.
  void Want(const ProjectId& project, std::string_view reason) const;
  /// Ends the thread, and says that this process does not listen any more.
  void Stop();

 private:
  std::chrono::milliseconds Look();

  const Config& config_;
  const std::string state_dsn_;
  const Clock& clock_;
  const std::function<void()> queued_;
  const std::string process_;
  std::optional<Instant> began_;  // by the database's clock
  bool start_judged_ = false;
  std::optional<Periodic> thread_;  // last: it uses everything above
};

}  // namespace membridge::admin
