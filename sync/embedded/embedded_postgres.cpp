#include "sync/embedded/embedded_postgres.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <future>
#include <system_error>
#include <thread>
#include <utility>

#include "mappings/base/log.hpp"
#include "sync/embedded/child_process.hpp"
#include "sync/embedded/data_folder.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kLeftoverPatience = 60s;
constexpr milliseconds kLook = 50ms;         // between two looks at a server that is coming up
constexpr milliseconds kFirstPause = 200ms;  // before a restart; doubles
constexpr milliseconds kLongestPause = 30s;
constexpr auto kSettled = 60s;  // a server that ran so long is healthy: the next pause is short again

// Only written into fresh data, for the operator to change: a machine with one or two gigabytes.
constexpr std::string_view kSizes =
    "\n# membridge: sizes for a small machine\n"
    "max_connections = 100\n"
    "shared_buffers = 128MB\n"
    "work_mem = 8MB\n"
    "maintenance_work_mem = 64MB\n"
    "max_wal_size = 1GB\n"
    "wal_compression = on\n"
    "random_page_cost = 1.1\n"
    "autovacuum_naptime = 15s\n"
    "autovacuum_vacuum_scale_factor = 0.05\n"
    "timezone = 'UTC'\n"
    "log_timezone = 'UTC'\n";

// The settings that the promises need: reachable through the socket only, durable, and a log without row values (an ERROR quotes
// them, a LOG or FATAL line does not). They are on the command line, where no file and no ALTER SYSTEM can change them. jit is
// off, because a sandbox may forbid new machine code.
constexpr std::array<std::string_view, 15> kPromises{"listen_addresses=",
                                                     "unix_socket_permissions=0777",
                                                     "port=5432",
                                                     "fsync=on",
                                                     "full_page_writes=on",
                                                     "synchronous_commit=on",
                                                     "logging_collector=off",
                                                     "log_destination=stderr",
                                                     "log_min_messages=log",
                                                     "log_min_error_statement=panic",
                                                     "log_error_verbosity=terse",
                                                     "log_statement=none",
                                                     "log_checkpoints=off",
                                                     "lc_messages=C",
                                                     "jit=off"};

// A flag that stays set. A thread can wait for it and for a process at the same time.
class Event {
 public:
  Event() : number_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (number_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { close(number_); }
  int Number() const noexcept { return number_; }
  void Set() const noexcept { eventfd_write(number_, 1); }
  bool WaitFor(milliseconds patience) const noexcept {
    pollfd set{.fd = number_, .events = POLLIN, .revents = 0};
    return poll(&set, 1, static_cast<int>(patience.count())) > 0;
  }

 private:
  int number_;
};

std::string DescribeEnd(int status) {
  if (WIFSIGNALED(status)) return fmt::format("killed by signal {}", WTERMSIG(status));
  return fmt::format("exit status {}", WEXITSTATUS(status));
}

std::string DsnOf(const EmbeddedFolder& folder, std::string_view database) {
  std::string host;
  for (const char c : folder.Socket().native()) host += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string{c};
  return fmt::format("host='{}' port=5432 user=membridge dbname={}", host, database);
}

Result<void> MakeData(const EmbeddedFolder& folder, const fs::path& programs) {
  const Result<fs::path> draft = folder.MakeDraft();
  if (!draft) return tl::unexpected(draft.error());
  const std::uintmax_t log_size = folder.LogSize();
  Result<Child> initdb =
      Child::Start({.command = {programs / "initdb", "--username=membridge", "--auth-local=trust", "--auth-host=reject",
                                "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--pgdata=" + draft->string()},
                    .user = folder.User(),
                    .output = folder.Log(),
                    .death_signal = SIGKILL});
  if (!initdb) return tl::unexpected(initdb.error());
  if (initdb->Wait(5min) != 0) {
    return Fail(ErrorCode::kRefused, "initdb could not make the data: " + folder.LastWords(log_size),
                "see " + folder.Log().string());
  }
  std::ofstream sizes(*draft / "postgresql.conf", std::ios::app);
  sizes << kSizes;
  sizes.close();
  if (!sizes) return Fail(ErrorCode::kRefused, fmt::format("cannot write {}", (*draft / "postgresql.conf").string()));
  return folder.AdoptDraft();
}

}  // namespace

// Keeps one server running from a thread of its own: the kernel ends a child together with the thread that started it, and this
// one lives exactly as long as the server is wanted.
class EmbeddedPostgres::Supervisor {
 public:
  Supervisor(EmbeddedOptions options, EmbeddedFolder folder, fs::path programs)
      : options_(std::move(options)),
        folder_(std::move(folder)),
        programs_(std::move(programs)),
        dsn_(DsnOf(folder_, "membridge")) {}

  Result<void> Start() {
    std::promise<Result<void>> started;
    std::future<Result<void>> answer = started.get_future();
    thread_ =
        std::jthread([this, promise = std::move(started)](const std::stop_token& stop) mutable { Supervise(stop, promise); });
    return answer.get();
  }

  void Stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
  }

  const std::string& Dsn() const noexcept { return dsn_; }
  int Restarts() const noexcept { return restarts_; }
  int Pid() const noexcept { return pid_; }

 private:
  void Supervise(const std::stop_token& stop, std::promise<Result<void>>& started) {
    const std::stop_callback on_stop(stop, [this] { stop_event_.Set(); });
    Result<Child> server = LaunchAndWait(stop);
    if (!server) {
      started.set_value(tl::unexpected(server.error()));
      return;
    }
    started.set_value({});
    SteadyClock::time_point since = SteadyClock::now();
    milliseconds pause = kFirstPause;
    while (const std::optional<int> status = WaitForEndOrStop(*server)) {
      pid_ = 0;
      if (SteadyClock::now() - since > kSettled) pause = kFirstPause;
      Log(LogLevel::kWarn, "postgresql_ended", {{"reason", DescribeEnd(*status)}, {"restart_in_ms", pause.count()}});
      do {
        if (stop_event_.WaitFor(pause)) return;
        pause = std::min(pause * 2, kLongestPause);
        since = SteadyClock::now();
      } while (!StartAgain(*server, stop));
    }
    StopServer(*server);
  }

  // Returns the wait status when the server ended by itself, nothing when a stop is wanted.
  std::optional<int> WaitForEndOrStop(Child& server) {
    while (!stop_event_.WaitFor(0ms)) {
      if (const std::optional<int> status = server.Wait(1h, stop_event_.Number())) return status;
    }
    return std::nullopt;
  }

  bool StartAgain(Child& server, const std::stop_token& stop) {
    Result<Child> next = LaunchAndWait(stop);
    if (!next) {
      Log(LogLevel::kError, "postgresql_not_started", {{"reason", next.error().message}, {"hint", next.error().hint}});
      return false;
    }
    server = std::move(*next);
    ++restarts_;
    return true;
  }

  Result<Child> LaunchAndWait(const std::stop_token& stop) {
    if (Result<void> cleared = folder_.ClearLeftovers(kLeftoverPatience); !cleared) return tl::unexpected(cleared.error());
    const std::uintmax_t log_size = folder_.LogSize();
    std::vector<std::string> command{programs_ / "postgres", "-D", folder_.Data(), "-k", folder_.Socket()};
    for (const std::string_view setting : kPromises) {
      command.emplace_back("-c");
      command.emplace_back(setting);
    }
    Result<Child> server =
        Child::Start({.command = std::move(command), .user = folder_.User(), .output = folder_.Log(), .death_signal = SIGINT});
    if (!server) return server;
    folder_.RecordServer(server->Pid());
    const SteadyClock::time_point deadline = SteadyClock::now() + options_.start_patience;
    while (!Answers()) {
      if (const std::optional<int> status = server->Wait(kLook)) {
        return Fail(ErrorCode::kRefused,
                    fmt::format("PostgreSQL did not start ({}): {}", DescribeEnd(*status), folder_.LastWords(log_size)),
                    "see " + folder_.Log().string());
      }
      if (stop.stop_requested() || SteadyClock::now() > deadline) {
        StopServer(*server);
        return Fail(ErrorCode::kUnavailable,
                    fmt::format("PostgreSQL did not answer within {} s", options_.start_patience.count()),
                    "see " + folder_.Log().string());
      }
    }
    pid_ = server->Pid();
    return server;
  }

  // Also makes the database, which a crash right after initdb may have prevented.
  bool Answers() const {
    try {
      postgres::Session session(DsnOf(folder_, "postgres"));
      if (session.Run("SELECT FROM pg_catalog.pg_database WHERE datname = 'membridge'").empty())
        session.Run("CREATE DATABASE membridge");
      return true;
    } catch (const postgres::SqlFailure&) {
      return false;
    }
  }

  void StopServer(Child& server) {
    server.Signal(SIGINT);
    if (!server.Wait(options_.stop_patience)) {
      server.Signal(SIGQUIT);
      server.Wait(10s);
    }
    pid_ = 0;
  }

  EmbeddedOptions options_;
  EmbeddedFolder folder_;
  fs::path programs_;
  std::string dsn_;
  std::atomic<int> restarts_{0};
  std::atomic<int> pid_{0};
  Event stop_event_;
  std::jthread thread_;  // last: it uses everything above
};

Result<std::unique_ptr<EmbeddedPostgres>> EmbeddedPostgres::Start(EmbeddedOptions options) {
  Result<EmbeddedFolder> folder = EmbeddedFolder::Open(options.state_dir);
  if (!folder) return tl::unexpected(folder.error());
  Result<fs::path> programs = options.programs ? Result<fs::path>(*options.programs) : FindServerPrograms(folder->DataVersion());
  if (!programs) return tl::unexpected(programs.error());
  if (!folder->HasData()) {
    if (Result<void> made = MakeData(*folder, *programs); !made) return tl::unexpected(made.error());
  }
  auto supervisor = std::make_unique<Supervisor>(std::move(options), std::move(*folder), std::move(*programs));
  if (Result<void> started = supervisor->Start(); !started) return tl::unexpected(started.error());
  return std::unique_ptr<EmbeddedPostgres>(new EmbeddedPostgres(std::move(supervisor)));
}

EmbeddedPostgres::EmbeddedPostgres(std::unique_ptr<Supervisor> supervisor) : supervisor_(std::move(supervisor)) {}
EmbeddedPostgres::~EmbeddedPostgres() {
  Stop();
}

const std::string& EmbeddedPostgres::Dsn() const noexcept {
  return supervisor_->Dsn();
}
int EmbeddedPostgres::Restarts() const noexcept {
  return supervisor_->Restarts();
}
int EmbeddedPostgres::Pid() const noexcept {
  return supervisor_->Pid();
}
void EmbeddedPostgres::Stop() {
  supervisor_->Stop();
}

}  // namespace membridge::sync
