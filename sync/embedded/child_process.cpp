#include "sync/embedded/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace membridge::sync {
namespace {

namespace fs = std::filesystem;

class File {
 public:
  explicit File(int number) noexcept : number_(number) {}
  File(File&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  File& operator=(File&&) = delete;
  ~File() { Close(); }
  int Number() const noexcept { return number_; }
  void Close() noexcept {
    if (number_ >= 0) close(std::exchange(number_, -1));
  }

 private:
  int number_;
};

// What a child writes into the pipe when it could not become the program.
struct Mishap {
  const char* step;
  int error;
};

// Runs between fork and exec, where another thread may have held any lock: system calls only, and those of ids raw, since glibc's
// wrappers speak to all threads.
[[noreturn]] void Become(const ChildOptions& options, char* const* command, char* const* environment, int input, int output,
                         int report, pid_t parent) noexcept {
  const auto give_up = [&](const char* step) {
    const Mishap mishap{step, errno};
    [[maybe_unused]] const ssize_t written = write(report, &mishap, sizeof mishap);
    _exit(127);
  };
  sigset_t none;
  sigemptyset(&none);
  for (int signal = 1; signal < NSIG; ++signal) std::signal(signal, SIG_DFL);
  if (sigprocmask(SIG_SETMASK, &none, nullptr) != 0) give_up("unblock signals");
  setpgid(0, 0);
  umask(077);
  if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
    give_up("redirect output");
  if (report != 3 && dup3(report, 3, O_CLOEXEC) < 0) give_up("keep the report pipe");
  report = 3;
  closefrom(4);
  if (options.user) {
    const gid_t gid = options.user->gid;
    if (syscall(SYS_setgroups, 1, &gid) != 0) give_up("give up the groups of root");
    if (syscall(SYS_setgid, gid) != 0) give_up("change the group");
    if (syscall(SYS_setuid, options.user->uid) != 0) give_up("change the user");
  }
  // After the change of user, which resets it. The parent may have died before it took hold.
  if (options.death_signal != 0) {
    if (prctl(PR_SET_PDEATHSIG, options.death_signal) != 0) give_up("follow the parent");
    if (getppid() != parent) _exit(127);
  }
  // The child's user may not have access to this process's working folder.
  if (chdir("/") != 0) give_up("enter /");
  execve(command[0], command, environment);
  give_up("start the program");
  _exit(127);
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::string ErrnoText(int error) {
  return std::generic_category().message(error);
}

Result<File> OpenOutput(const ChildOptions& options) {
  if (options.output.empty()) return File{open("/dev/null", O_WRONLY | O_CLOEXEC)};
  File file{open(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  if (file.Number() < 0)
    return Fail(ErrorCode::kRefused, fmt::format("cannot write {}: {}", options.output.string(), ErrnoText(errno)));
  if (options.user && fchown(file.Number(), options.user->uid, options.user->gid) != 0) {
    return Fail(ErrorCode::kRefused,
                fmt::format("cannot give {} to {}: {}", options.output.string(), options.user->name, ErrnoText(errno)));
  }
  return file;
}

// Waits until one of the files is readable. A signal does not end the wait. poll() ignores negative numbers.
bool WaitReadable(int file, int other, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    std::array<pollfd, 2> readable{{{.fd = file, .events = POLLIN, .revents = 0}, {.fd = other, .events = POLLIN, .revents = 0}}};
    const int ready =
        poll(readable.data(), readable.size(), static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT_MAX)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

bool HoldsServer(const fs::path& folder) {
  return access((folder / "initdb").c_str(), X_OK) == 0 && access((folder / "postgres").c_str(), X_OK) == 0;
}

}  // namespace

Result<std::optional<ProgramUser>> UnprivilegedUser() {
  if (geteuid() != 0) return std::optional<ProgramUser>{};
  for (const char* const name : {"postgres", "nobody"}) {
    if (const passwd* entry = getpwnam(name)) return std::optional{ProgramUser{entry->pw_uid, entry->pw_gid, name}};
  }
  return Fail(ErrorCode::kRefused, "PostgreSQL does not run as root and this machine has neither a user postgres nor nobody",
              "run membridge as another user");
}

Result<fs::path> FindServerPrograms(std::optional<int> version) {
  std::pair<int, fs::path> newest{0, {}};
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const std::string name = entry.path().filename();
    int number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    if (version && number != *version) continue;
    if (number > newest.first && HoldsServer(entry.path() / "bin")) newest = {number, entry.path() / "bin"};
  }
  if (newest.first > 0) return newest.second;
  std::string_view rest = std::getenv("PATH") == nullptr ? std::string_view{} : std::getenv("PATH");
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    const fs::path folder{rest.substr(0, colon)};
    if (folder.is_absolute() && HoldsServer(folder)) return folder;
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  const std::string wanted =
      version ? fmt::format("PostgreSQL {} is not installed here", *version) : "no PostgreSQL server is installed here";
  return Fail(ErrorCode::kRefused, wanted + " (looked in /usr/lib/postgresql/*/bin and along PATH)",
              fmt::format("install the package postgresql{}, or name a server of your own: `database: postgresql://…`",
                          version ? fmt::format("-{}", *version) : std::string{}));
}

bool WaitForEnd(pid_t pid, std::chrono::milliseconds patience) {
  const File file{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
  if (file.Number() < 0) return errno == ESRCH;
  return WaitReadable(file.Number(), -1, patience);
}

Result<Child> Child::Start(const ChildOptions& options) {
  Result<File> output = OpenOutput(options);
  if (!output) return tl::unexpected(output.error());
  const File input{open("/dev/null", O_RDONLY | O_CLOEXEC)};
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return Fail(ErrorCode::kRefused, "cannot make a pipe: " + ErrnoText(errno));
  File report{ends[0]};
  File report_end{ends[1]};

  // Passes on no PG* or LC_* variables but the caller's, so that the server does not depend on the bridge's environment.
  std::vector<std::string> environment{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                                       "TZ=UTC"};
  environment.insert(environment.end(), options.environment.begin(), options.environment.end());
  std::vector<std::string> command = options.command;
  const std::vector<char*> command_pointers = Pointers(command);
  const std::vector<char*> environment_pointers = Pointers(environment);

  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return Fail(ErrorCode::kRefused, "cannot start a process: " + ErrnoText(errno));
  if (pid == 0) {
    Become(options, command_pointers.data(), environment_pointers.data(), input.Number(), output->Number(), report_end.Number(),
           parent);
  }
  report_end.Close();
  Child child{pid, static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
  Mishap mishap{};
  if (read(report.Number(), &mishap, sizeof mishap) == static_cast<ssize_t>(sizeof mishap)) {
    child.Wait(std::chrono::seconds{1});
    return Fail(ErrorCode::kRefused,
                fmt::format("cannot run {}: {} failed: {}", options.command.front(), mishap.step, ErrnoText(mishap.error)));
  }
  if (child.pid_file_ < 0) return Fail(ErrorCode::kRefused, "cannot watch a process: this kernel has no pidfd_open (Linux 5.3)");
  return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pid_file_(std::exchange(other.pid_file_, -1)), status_(other.status_) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pid_file_, other.pid_file_);
  std::swap(status_, other.status_);
  return *this;
}

Child::~Child() {
  if (pid_ > 0 && !status_) {
    Signal(SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (pid_file_ >= 0) close(pid_file_);
}

void Child::Signal(int signal) const noexcept {
  if (pid_ > 0 && !status_) kill(pid_, signal);
}

std::optional<int> Child::Wait(std::chrono::milliseconds patience, int wake) {
  if (status_ || pid_ <= 0) return status_;
  if (patience.count() > 0) WaitReadable(pid_file_, wake, patience);
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_;
}

}  // namespace membridge::sync
