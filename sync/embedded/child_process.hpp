#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"

namespace membridge::sync {

/// The user that a child runs as.
struct ProgramUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

/// Returns the user for the server, since PostgreSQL refuses to run as root: `postgres`, else `nobody`. Nothing when this process
/// is not root: the child then runs as the same user.
Result<std::optional<ProgramUser>> UnprivilegedUser();

/// Returns the folder that holds initdb and postgres of the newest server on this machine (`/usr/lib/postgresql/*/bin`, else
/// along PATH), or of major version `version`.
Result<std::filesystem::path> FindServerPrograms(std::optional<int> version = std::nullopt);

/// Waits until a process has ended, which need not be our child. Returns false when `patience` ended first.
bool WaitForEnd(pid_t pid, std::chrono::milliseconds patience);

/// How to start a child. It always gets a clean signal mask, none of our open files but its output, its own environment, its own
/// process group (so that Ctrl-C on the terminal reaches only the bridge), and /dev/null as input.
struct ChildOptions {
  std::vector<std::string> command;  ///< command[0] is a path
  std::optional<ProgramUser> user{};
  std::filesystem::path output{};  ///< appended to, made when missing (0600, the child's user); empty means /dev/null
  int death_signal = 0;  ///< signal that it gets when the *thread* that started it ends, also when this process is killed
  std::vector<std::string>
      environment{};  ///< `NAME=value`, besides PATH, LC_ALL and TZ; for secrets, which must not stand in the command
};

/// A child process. Not thread-safe. The destructor kills (SIGKILL) and reaps a child that still runs.
class Child {
 public:
  /// kRefused when it cannot be started; the message names the step and the reason.
  static Result<Child> Start(const ChildOptions& options);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  pid_t Pid() const noexcept { return pid_; }
  void Signal(int signal) const noexcept;
  /// Waits until the child ends, `patience` ends, or the file `wake` becomes readable. Reaps an ended child and returns its wait
  /// status; nothing when it still runs. Later calls return the same status.
  std::optional<int> Wait(std::chrono::milliseconds patience, int wake = -1);

 private:
  Child(pid_t pid, int pid_file) noexcept : pid_(pid), pid_file_(pid_file) {}

  pid_t pid_ = -1;
  int pid_file_ = -1;  // a pidfd: becomes readable when the child ends
  std::optional<int> status_;
};

}  // namespace membridge::sync
