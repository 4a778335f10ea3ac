#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "admin/api/call_session.hpp"
#include "sync/postgres/kept_session.hpp"

namespace membridge::admin::api {

/// A few threads, each with its own session on the state database, for requests that may wait for a database or for Mem0. The
/// listener's I/O threads must never wait. Threads: TryRun() from any; made and destroyed by one.
class WorkPool {
 public:
  /// The thread's session. It is opened at the first use, and again after it broke.
  class Connection {
   public:
    explicit Connection(const std::string& dsn) : session_([dsn] { return OpenCallSession(dsn); }) {}
    /// Throws postgres::SqlFailure when the database is away.
    sync::postgres::Session& Get() { return session_.Get(); }

   private:
    sync::postgres::KeptSession session_;
  };
  using Job = std::function<void(Connection&)>;

  WorkPool(std::string dsn, std::size_t threads, std::size_t most_waiting);
  ~WorkPool();  ///< Stop()

  /// Finishes the jobs under way, drops those that wait, and takes no more.
  void Stop();

  /// Queues a job. Returns false when too many wait already, or after Stop(). A job must not throw.
  bool TryRun(Job job);

 private:
  void Work(const std::stop_token& stop);

  const std::string dsn_;
  const std::size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<Job> waiting_;            // guarded by mutex_
  bool stopped_ = false;               // guarded by mutex_
  std::vector<std::jthread> threads_;  // last: they use everything above
};

}  // namespace membridge::admin::api
