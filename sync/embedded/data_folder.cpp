#include "sync/embedded/data_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <deque>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

namespace membridge::sync {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kLongestSocketPath = 107;  // sockaddr_un's sun_path without its end
constexpr std::string_view kSocketName = "/.s.PGSQL.5432";

std::string FileErrorText(int error) {
  return std::generic_category().message(error);
}

tl::unexpected<Error> Refused(std::string message, std::string hint = {}) {
  return Fail(ErrorCode::kRefused, std::move(message), std::move(hint));
}

Result<void> MakeFolder(const fs::path& folder, mode_t mode, const std::optional<ProgramUser>& owner) {
  struct stat present {};
  if (lstat(folder.c_str(), &present) != 0) {
    if (mkdir(folder.c_str(), mode) != 0 || chmod(folder.c_str(), mode) != 0) {
      return Refused(fmt::format("cannot make {}: {}", folder.string(), FileErrorText(errno)),
                     "choose another state_dir, or make it writable");
    }
    if (owner && chown(folder.c_str(), owner->uid, owner->gid) != 0) {
      return Refused(fmt::format("cannot give {} to {}: {}", folder.string(), owner->name, FileErrorText(errno)));
    }
  } else if (!S_ISDIR(present.st_mode) && !fs::is_directory(folder)) {
    return Refused(fmt::format("{} is not a folder", folder.string()), "choose another state_dir");
  }
  return {};
}

std::string FirstLine(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

pid_t PidIn(const fs::path& file) {
  const std::string line = FirstLine(file);
  pid_t pid = 0;
  std::from_chars(line.data(), line.data() + line.size(), pid);
  return pid;
}

// Every process of a PostgreSQL server has its data folder as working folder. Unlike the process id in postmaster.pid, this
// cannot match another program that got the same number later.
std::vector<pid_t> ProcessesIn(const fs::path& data) {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const fs::directory_entry& process : fs::directory_iterator("/proc", ignored)) {
    const std::string name = process.path().filename();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc{}) continue;
    std::error_code gone;
    if (fs::read_symlink(process.path() / "cwd", gone) == data && !gone) found.push_back(pid);
  }
  return found;
}

// Whether the server's user may pass through a folder, by its mode. Access lists are left to the check that really goes there.
bool MayPass(const struct stat& folder, const ProgramUser& user) {
  if (folder.st_uid == user.uid) return (folder.st_mode & S_IXUSR) != 0;
  if (folder.st_gid == user.gid) return (folder.st_mode & S_IXGRP) != 0;
  return (folder.st_mode & S_IXOTH) != 0;
}

Result<void> CheckReachable(const fs::path& folder, const ProgramUser& user) {
  Result<Child> probe = Child::Start({.command = {"/usr/bin/test", "-x", folder}, .user = user});
  if (!probe) return tl::unexpected(probe.error());
  if (probe->Wait(std::chrono::seconds{10}) == 0) return {};
  fs::path closed = folder;
  fs::path walked;
  for (const fs::path& part : folder) {
    walked /= part;
    struct stat status {};
    if (stat(walked.c_str(), &status) == 0 && !MayPass(status, user)) {
      closed = walked;
      break;
    }
  }
  return Refused(
      fmt::format("PostgreSQL refuses root, so it runs as user {} here, and {} cannot enter {}", user.name, user.name,
                  closed.string()),
      fmt::format("choose a state_dir it can reach, such as /var/lib/membridge, or run: chmod o+x {}", closed.string()));
}

}  // namespace

Result<EmbeddedFolder> EmbeddedFolder::Open(const fs::path& state_dir) {
  std::error_code failure;
  const bool as_root = geteuid() == 0;
  // As root another user must pass through; what is inside keeps its own modes.
  const mode_t mode = as_root ? 0711 : 0700;
  if (!state_dir.parent_path().empty()) fs::create_directories(state_dir.parent_path(), failure);
  if (Result<void> made = MakeFolder(state_dir, mode, {}); !made) return tl::unexpected(made.error());
  const fs::path root = fs::canonical(state_dir, failure) / "postgresql";
  if (failure) return Refused(fmt::format("cannot use {}: {}", state_dir.string(), failure.message()));
  if (Result<void> made = MakeFolder(root, mode, {}); !made) return tl::unexpected(made.error());

  const fs::path lock_file = root / "lock";
  const int lock = open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0)
    return Refused(fmt::format("cannot open {}: {}", lock_file.string(), FileErrorText(errno)),
                   "run membridge as the owner of it");
  EmbeddedFolder folder(root, lock);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    return Refused(fmt::format("another membridge (process {}) uses {}", FirstLine(lock_file), state_dir.string()),
                   "stop it, or give this one another state_dir; to share a database use `database: postgresql://…` in both");
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(lock, 0) != 0 || pwrite(lock, pid.data(), pid.size(), 0) < 0) {
    return Refused(fmt::format("cannot write {}: {}", lock_file.string(), FileErrorText(errno)));
  }
  if (Result<void> chosen = folder.ChooseUser(); !chosen) return tl::unexpected(chosen.error());
  if (folder.user_) {
    if (Result<void> reached = CheckReachable(root, *folder.user_); !reached) return tl::unexpected(reached.error());
  }
  if (Result<void> chosen = folder.ChooseSocket(); !chosen) return tl::unexpected(chosen.error());
  return folder;
}

EmbeddedFolder::EmbeddedFolder(EmbeddedFolder&& other) noexcept
    : root_(std::move(other.root_)),
      lock_(std::exchange(other.lock_, -1)),
      user_(std::move(other.user_)),
      socket_(std::move(other.socket_)),
      socket_is_temporary_(std::exchange(other.socket_is_temporary_, false)) {}

EmbeddedFolder::~EmbeddedFolder() {
  std::error_code ignored;
  if (socket_is_temporary_) fs::remove_all(socket_, ignored);
  if (lock_ >= 0) close(lock_);
}

Result<void> EmbeddedFolder::ChooseUser() {
  Result<std::optional<ProgramUser>> user = UnprivilegedUser();
  if (!user) return tl::unexpected(user.error());
  user_ = *user;
  struct stat data {};
  if (stat(Data().c_str(), &data) != 0) return {};
  if (user_) {
    if (data.st_uid == 0)
      return Refused(fmt::format("{} belongs to root, and PostgreSQL does not run as root", Data().string()),
                     fmt::format("run: chown -R {} {}", user_->name, Data().string()));
    // Data of an earlier run keep their owner, whichever users there are today.
    const passwd* owner = getpwuid(data.st_uid);
    if (data.st_uid != user_->uid)
      user_ = ProgramUser{data.st_uid, data.st_gid, owner != nullptr ? owner->pw_name : std::to_string(data.st_uid)};
  } else if (data.st_uid != geteuid()) {
    return Refused(fmt::format("{} belongs to user {}, not to the one membridge runs as", Data().string(), data.st_uid),
                   "run membridge as before, or give the folder to its new user with chown -R");
  }
  return {};
}

Result<void> EmbeddedFolder::ChooseSocket() {
  socket_ = root_ / "socket";
  // PostgreSQL reads a comma as the end of one socket folder, and quotes as quotes.
  const bool fits = socket_.native().size() + kSocketName.size() <= kLongestSocketPath;
  if (fits && socket_.native().find_first_of(",\"'\\") == std::string::npos) {
    if (Result<void> made = MakeFolder(socket_, 0700, user_); !made) return made;
    // The server trusts every caller, so only this mode keeps others out.
    if (chmod(socket_.c_str(), 0700) != 0 || (user_ && chown(socket_.c_str(), user_->uid, user_->gid) != 0)) {
      return Refused(fmt::format("cannot take the rights of others on {} away: {}", socket_.string(), FileErrorText(errno)));
    }
    return {};
  }
  std::string name = "/tmp/membridge-XXXXXX";
  if (mkdtemp(name.data()) == nullptr)
    return Refused(fmt::format("cannot make a folder for the socket in /tmp: {}", FileErrorText(errno)));
  socket_ = name;
  socket_is_temporary_ = true;
  if (user_ && chown(name.c_str(), user_->uid, user_->gid) != 0) {
    return Refused(fmt::format("cannot give {} to {}: {}", name, user_->name, FileErrorText(errno)));
  }
  return {};
}

bool EmbeddedFolder::HasData() const {
  return DataVersion().has_value();
}

std::optional<int> EmbeddedFolder::DataVersion() const {
  const int version = PidIn(Data() / "PG_VERSION");
  if (version == 0) return std::nullopt;
  return version;
}

Result<fs::path> EmbeddedFolder::MakeDraft() const {
  const fs::path draft = root_ / "data.new";
  std::error_code failure;
  fs::remove_all(draft, failure);
  if (fs::exists(Data())) {
    return Refused(fmt::format("{} exists but holds no PostgreSQL data", Data().string()),
                   "move it away, or choose another state_dir");
  }
  if (Result<void> made = MakeFolder(draft, 0700, user_); !made) return tl::unexpected(made.error());
  return draft;
}

Result<void> EmbeddedFolder::AdoptDraft() const {
  std::error_code failure;
  fs::rename(root_ / "data.new", Data(), failure);
  const int folder = open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && fsync(folder) == 0;
  if (folder >= 0) close(folder);
  if (failure || !synced) return Refused(fmt::format("cannot move the new data into {}", Data().string()));
  return {};
}

void EmbeddedFolder::RecordServer(pid_t pid) const {
  std::ofstream(root_ / "server", std::ios::trunc) << pid << '\n';
}

Result<void> EmbeddedFolder::ClearLeftovers(milliseconds patience) const {
  const SteadyClock::time_point deadline = SteadyClock::now() + patience;
  const auto left = [&] { return std::max(std::chrono::ceil<milliseconds>(deadline - SteadyClock::now()), milliseconds{0}); };
  const auto holds = [](const std::vector<pid_t>& pids, pid_t pid) {
    return std::find(pids.begin(), pids.end(), pid) != pids.end();
  };

  const pid_t postmaster = PidIn(Data() / "postmaster.pid");
  if (postmaster > 0 && holds(ProcessesIn(Data()), postmaster)) {
    if (postmaster != PidIn(root_ / "server")) {
      return Refused(fmt::format("another PostgreSQL server (process {}) works in {}", postmaster, Data().string()),
                     fmt::format("stop it first: pg_ctl -D {} -m fast stop", Data().string()));
    }
    kill(postmaster, SIGINT);
    if (!WaitForEnd(postmaster, left() / 2)) {
      kill(postmaster, SIGQUIT);
      WaitForEnd(postmaster, left());
    }
  }
  // Backends of a killed server notice it within moments. Wait for them, because two servers on one folder would ruin the data.
  std::vector<pid_t> rest = ProcessesIn(Data());
  while (!rest.empty()) {
    if (!WaitForEnd(rest.front(), left())) {
      return Fail(ErrorCode::kUnavailable,
                  fmt::format("process {} of an earlier server still works in {}", rest.front(), Data().string()),
                  fmt::format("end it: kill {}", rest.front()));
    }
    rest = ProcessesIn(Data());
  }
  // No process works in the folder, but the number in the file may belong to another program by now, and PostgreSQL would then
  // refuse to start.
  const pid_t stale = PidIn(Data() / "postmaster.pid");
  std::error_code ignored;
  if (stale > 0 && kill(stale, 0) == 0) fs::remove(Data() / "postmaster.pid", ignored);
  return {};
}

std::uintmax_t EmbeddedFolder::LogSize() const {
  std::error_code missing;
  const std::uintmax_t size = fs::file_size(Log(), missing);
  return missing ? 0 : size;
}

std::string EmbeddedFolder::LastWords(std::uintmax_t since) const {
  std::ifstream stream(Log());
  stream.seekg(static_cast<std::streamoff>(since));
  std::string last;
  for (std::string line; std::getline(stream, line);) {
    if (line.find("FATAL:") != std::string::npos || line.find("PANIC:") != std::string::npos ||
        line.find("error:") != std::string::npos) {
      last = line;
    }
  }
  return last.empty() ? "it left no reason in its log" : last;
}

}  // namespace membridge::sync
