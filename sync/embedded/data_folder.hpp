#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "mappings/base/result.hpp"
#include "sync/embedded/child_process.hpp"

namespace membridge::sync {

/// The folder `state_dir/postgresql` of one embedded server. No other bridge can use it as long as this object lives.
///
///   data/     the cluster, 0700, the server's user's      log      what initdb and postgres print
///   socket/   its Unix socket, 0700 (in /tmp when the     lock     held by the bridge that uses the folder
///             path is too long for one)                   server   process id of the server we started last
class EmbeddedFolder {
 public:
  /// Makes what is missing. kRefused when another bridge holds it, the server's user cannot reach it, or the data belong to
  /// someone else.
  static Result<EmbeddedFolder> Open(const std::filesystem::path& state_dir);
  EmbeddedFolder(EmbeddedFolder&& other) noexcept;
  EmbeddedFolder& operator=(EmbeddedFolder&&) = delete;
  ~EmbeddedFolder();

  const std::optional<ProgramUser>& User() const { return user_; }
  std::filesystem::path Data() const { return root_ / "data"; }
  std::filesystem::path Log() const { return root_ / "log"; }
  const std::filesystem::path& Socket() const { return socket_; }
  bool HasData() const;
  /// The major version the data were made by.
  std::optional<int> DataVersion() const;

  /// Makes an empty folder for initdb. AdoptDraft() then moves it into place, so that a crash in between leaves no half-made
  /// data.
  Result<std::filesystem::path> MakeDraft() const;
  Result<void> AdoptDraft() const;

  /// Remembers the server as ours.
  void RecordServer(pid_t pid) const;
  /// Ends a server that an earlier bridge left behind, and waits until no process works in the data any more. kRefused when the
  /// server there is not ours.
  Result<void> ClearLeftovers(std::chrono::milliseconds patience) const;
  /// LogSize() returns the log's length in bytes. LastWords() returns the last line after byte `since` that tells what went
  /// wrong, for a message.
  std::uintmax_t LogSize() const;
  std::string LastWords(std::uintmax_t since) const;

 private:
  EmbeddedFolder(std::filesystem::path root, int lock) : root_(std::move(root)), lock_(lock) {}
  Result<void> ChooseUser();
  Result<void> ChooseSocket();

  std::filesystem::path root_;
  int lock_ = -1;
  std::optional<ProgramUser> user_;
  std::filesystem::path socket_;
  bool socket_is_temporary_ = false;
};

}  // namespace membridge::sync
