#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"

namespace membridge::sync {

/// Who a child runs as.
struct ProgramUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

/// PostgreSQL refuses root: `postgres`, else `nobody`, when this process is root; nothing when it is not, as then nothing
/// changes.
Result<std::optional<ProgramUser>> UnprivilegedUser();

/// The folder of the newest server this machine has (`/usr/lib/postgresql/*/bin`, else along PATH), or of that major version:
/// holds initdb and postgres.
Result<std::filesystem::path> FindServerPrograms(std::optional<int> version = std::nullopt);

/// Waits until a process that need not be our child has ended; false when `patience` ended first.
bool WaitForEnd(pid_t pid, std::chrono::milliseconds patience);

/// What a child is started with. It always gets a clean signal mask, no file of ours but its output, an environment of its own, a
/// process group of its own (Ctrl-C on the terminal is the bridge's business), and /dev/null to read from.
struct ChildOptions {
  std::vector<std::string> command;  ///< command[0] is a path
  std::optional<ProgramUser> user{};
  std::filesystem::path output{};          ///< appended to, made when missing (0600, the child's user); empty means /dev/null
  int death_signal = 0;                    ///< what it gets when the *thread* that started it ends, this process killed included
  std::vector<std::string> environment{};  ///< `NAME=value`, besides PATH, LC_ALL and TZ: for what must not stand in the command
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
  /// Waits until it ends, at most `patience`, or until the file `wake` becomes readable; reaps it. The wait status, or nothing
  /// when it still runs. Later calls give the same.
  std::optional<int> Wait(std::chrono::milliseconds patience, int wake = -1);

 private:
  Child(pid_t pid, int pid_file) noexcept : pid_(pid), pid_file_(pid_file) {}

  pid_t pid_ = -1;
  int pid_file_ = -1;  // a pidfd: becomes readable when the child ends
  std::optional<int> status_;
};

}  // namespace membridge::sync
