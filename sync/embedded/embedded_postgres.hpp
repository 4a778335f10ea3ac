#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "mappings/base/result.hpp"

namespace membridge::sync {

/// Where the embedded server keeps its data, and how long to wait for it.
struct EmbeddedOptions {
  std::filesystem::path state_dir;                  ///< made when missing; everything is in `state_dir/postgresql`
  std::optional<std::filesystem::path> programs{};  ///< the folder with initdb and postgres; else found by FindServerPrograms()
  std::chrono::seconds start_patience{300};         ///< recovery after a crash may take this long
  std::chrono::seconds stop_patience{60};  ///< for a fast stop with its checkpoint; then an immediate one, which loses nothing
};

/// The private PostgreSQL of `database: embedded`: the distribution's server as a supervised child of this process.
///
/// Promise: what was committed survives a crash of the bridge, of the server and of the machine (fsync stays on, with data
/// checksums). Reach: only through a Unix socket in a folder of mode 0700; no TCP. The server trusts every caller, because only
/// the folder's owner can reach the socket. User: when this process is root, the server runs as `postgres`, else `nobody` (or as
/// the owner of existing data). Life: it is restarted with growing pauses when it dies, and stopped fast by Stop(). When this
/// process is killed, the kernel tells the server to stop fast; the next Start() waits for that, or ends it. Two bridges on one
/// state_dir: the second is refused. Log: `state_dir/postgresql/log`, without statements, parameters or row values. Threads: any;
/// Stop() and the destructor from one at a time.
class EmbeddedPostgres {
 public:
  /// Makes the data when there is none, starts the server and returns when it answers. kRefused: an operator must change
  /// something; message and hint say what. kUnavailable: it did not come up in time.
  static Result<std::unique_ptr<EmbeddedPostgres>> Start(EmbeddedOptions options);
  ~EmbeddedPostgres();  ///< Stop()
  EmbeddedPostgres(const EmbeddedPostgres&) = delete;
  EmbeddedPostgres& operator=(const EmbeddedPostgres&) = delete;

  /// The DSN of database `membridge`, as the superuser `membridge`. Stays the same when the server is restarted.
  const std::string& Dsn() const noexcept;
  /// How often the server had to be started again since Start().
  int Restarts() const noexcept;
  /// Process id of the running server; 0 while there is none.
  int Pid() const noexcept;

  void Stop();

 private:
  class Supervisor;
  explicit EmbeddedPostgres(std::unique_ptr<Supervisor> supervisor);
  std::unique_ptr<Supervisor> supervisor_;
};

}  // namespace membridge::sync
