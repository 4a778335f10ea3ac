#include "tests/support/postgres.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>

#include "sync/embedded/child_process.hpp"
#include "sync/migrations/migrate.hpp"

namespace membridge::test {
namespace {

namespace fs = std::filesystem;
namespace postgres = sync::postgres;
using namespace std::chrono_literals;

constexpr std::string_view kFolderPrefix = "membridge-test-";

template <class T>
T OrThrow(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

// What programs that were killed left behind: folders that carry the id of a process that is no more.
void SweepLeftovers() {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::temp_directory_path(), ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kFolderPrefix)) continue;
    pid_t pid = 0;
    std::from_chars(name.data() + kFolderPrefix.size(), name.data() + name.size(), pid);
    if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH) fs::remove_all(entry.path(), ignored);
  }
}

fs::path MakeFolder(const std::optional<sync::ProgramUser>& user) {
  SweepLeftovers();
  std::string name = fs::temp_directory_path() / fmt::format("{}{}-XXXXXX", kFolderPrefix, getpid());
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder in " + fs::temp_directory_path().string());
  if (user && chown(name.c_str(), user->uid, user->gid) != 0) throw std::runtime_error("cannot give " + name + " away");
  return name;
}

std::string TextOf(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// The same DSN with another database, whichever form it has.
std::string WithDatabase(const std::string& dsn, const std::string& database) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options{PQconninfoParse(dsn.c_str(), nullptr),
                                                                             &PQconninfoFree};
  if (!options) throw std::runtime_error("MEMBRIDGE_TEST_DSN cannot be read");
  std::string text = "dbname=" + database;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr || std::string_view{option->keyword} == "dbname") continue;
    text += fmt::format(" {}='", option->keyword);
    for (const char c : std::string_view{option->val}) text += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string{c};
    text += '\'';
  }
  return text;
}

std::string SharedDsn() {
  const char* given = std::getenv("MEMBRIDGE_TEST_DSN");
  return given != nullptr && *given != '\0' ? std::string{given} : Cluster::Shared().Dsn();
}

// Unique on a server that several test programs share.
std::string FreshName(std::string_view purpose) {
  static std::atomic<int> counter{0};
  return fmt::format("membridge_{}_{}_{}", purpose, getpid(), ++counter);
}

/// Makes or drops a database. The disk of a busy machine may stand still for longer than the product's sessions wait.
void Maintain(const std::string& maintenance_dsn, const std::string& statement) {
  postgres::Session session(maintenance_dsn);
  session.Run("SET statement_timeout TO '5min'");
  session.Run(statement);
}

void MigrateAll(const std::string& dsn) {
  postgres::Session session(dsn);
  OrThrow(sync::Migrate(session, sync::MigrationKind::kState));
  OrThrow(sync::Migrate(session, sync::MigrationKind::kLedger));
}

void Drop(const std::string& maintenance_dsn, const std::string& database) {
  try {
    Maintain(maintenance_dsn, "DROP DATABASE IF EXISTS " + database + " WITH (FORCE)");
  } catch (const postgres::SqlFailure&) {
    // The case stopped its cluster: the database goes with it.
  }
}

// The migrated database all others of this program are copied from.
class Template {
 public:
  explicit Template(std::string maintenance_dsn) : maintenance_dsn_(std::move(maintenance_dsn)), name_(FreshName("template")) {
    Maintain(maintenance_dsn_, "CREATE DATABASE " + name_ + " TEMPLATE template0");
    MigrateAll(WithDatabase(maintenance_dsn_, name_));
  }
  Template(const Template&) = delete;
  Template& operator=(const Template&) = delete;
  ~Template() { Drop(maintenance_dsn_, name_); }
  const std::string& Name() const { return name_; }

 private:
  std::string maintenance_dsn_;
  std::string name_;
};

}  // namespace

struct Cluster::Server {
  fs::path programs;
  std::optional<sync::ProgramUser> user;
  std::optional<sync::Child> process;

  sync::Child Launch(const fs::path& folder, std::vector<std::string> command) const {
    return OrThrow(
        sync::Child::Start({.command = std::move(command), .user = user, .output = folder / "log", .death_signal = SIGQUIT}));
  }
};

Cluster& Cluster::Shared() {
  static Cluster cluster;
  return cluster;
}

Cluster::Cluster() : server_(std::make_unique<Server>()) {
  server_->programs = OrThrow(sync::FindServerPrograms());
  server_->user = OrThrow(sync::UnprivilegedUser());
  folder_ = MakeFolder(server_->user);
  sync::Child initdb =
      server_->Launch(folder_, {server_->programs / "initdb", "--no-sync", "--auth=trust", "--username=postgres",
                                "--encoding=UTF8", "--locale=C.UTF-8", "--pgdata=" + (folder_ / "data").string()});
  const std::optional<int> status = initdb.Wait(60s);
  if (status != 0) throw std::runtime_error("initdb failed:\n" + TextOf(folder_ / "log"));
  Start();
}

Cluster::Cluster(StandbyOf of) : server_(std::make_unique<Server>()) {
  server_->programs = OrThrow(sync::FindServerPrograms());
  server_->user = OrThrow(sync::UnprivilegedUser());
  folder_ = MakeFolder(server_->user);
  sync::Child copy = server_->Launch(
      folder_, {server_->programs / "pg_basebackup", "--no-sync", "--write-recovery-conf", "--checkpoint=fast",
                "--wal-method=stream", "--dbname=" + of.primary.Dsn(), "--pgdata=" + (folder_ / "data").string()});
  const std::optional<int> status = copy.Wait(60s);
  if (status != 0) throw std::runtime_error("pg_basebackup failed:\n" + TextOf(folder_ / "log"));
  Start();
}

Cluster::~Cluster() {
  if (server_->process) StopImmediately();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string Cluster::Dsn(const std::string& database) const {
  return fmt::format("host={} user=postgres dbname={}", folder_.string(), database);
}

void Cluster::Start() {
  std::vector<std::string> command{server_->programs / "postgres", "-D", folder_ / "data", "-k", folder_};
  const auto set = [&command](const char* setting) {
    command.emplace_back("-c");
    command.emplace_back(setting);
  };
  for (const char* setting :
       {"listen_addresses=", "synchronous_commit=on", "max_connections=200", "lc_messages=C", "max_prepared_transactions=0"})
    set(setting);
  // Programs that measure want a server as it is where data count.
  if (std::getenv("MEMBRIDGE_TEST_DURABLE") != nullptr) {
    for (const char* setting : {"fsync=on", "shared_buffers=256MB", "max_wal_size=2GB"}) set(setting);
  } else {
    for (const char* setting :
         {"fsync=off", "full_page_writes=off", "shared_buffers=64MB", "max_wal_size=256MB", "autovacuum=off"})
      set(setting);
  }
  server_->process = server_->Launch(folder_, std::move(command));
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (PQping(Dsn().c_str()) != PQPING_OK) {
    if (server_->process->Wait(20ms) || std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("postgres did not start:\n" + TextOf(folder_ / "log"));
    }
  }
}

void Cluster::StopImmediately() {
  server_->process->Signal(SIGQUIT);
  server_->process->Wait(10s);
  server_->process.reset();
}

void Cluster::Stop() {
  server_->process->Signal(SIGINT);
  server_->process->Wait(30s);
  server_->process.reset();
}

void Cluster::Kill() {
  server_->process->Signal(SIGKILL);
  server_->process->Wait(10s);
  server_->process.reset();
}

PgDatabase::PgDatabase(Content content) {
  if (content == Content::kBare) {
    Create(SharedDsn(), "template0");
  } else {
    static const Template migrated(SharedDsn());
    Create(SharedDsn(), migrated.Name());
  }
}

PgDatabase::PgDatabase(const Cluster& cluster, Content content) {
  Create(cluster.Dsn(), "template0");
  if (content == Content::kMigrated) MigrateAll(dsn_);
}

void PgDatabase::Create(const std::string& maintenance_dsn, const std::string& source) {
  maintenance_dsn_ = maintenance_dsn;
  name_ = FreshName("test");
  dsn_ = WithDatabase(maintenance_dsn_, name_);
  Maintain(maintenance_dsn_, "CREATE DATABASE " + name_ + " TEMPLATE " + source);
}

PgDatabase::~PgDatabase() {
  session_.reset();
  Drop(maintenance_dsn_, name_);
}

postgres::Session PgDatabase::Session() const {
  return postgres::Session(dsn_, "membridge", postgres::SearchPath::kRoles);
}

postgres::Session& PgDatabase::Kept() const {
  if (!session_ || !session_->Usable()) session_ = std::make_unique<postgres::Session>(Session());
  return *session_;
}

postgres::Rows PgDatabase::Run(const std::string& sql, const std::vector<postgres::Param>& params) const {
  return Kept().Run(sql, params);
}

void PgDatabase::RunScript(const std::string& sql) const {
  postgres::Transaction transaction = Kept().Begin();
  transaction.RunScript(sql);
  transaction.Commit();
}

std::int64_t PgDatabase::Count(const std::string& from) const {
  return Run("SELECT count(*) FROM " + from).Int(0, 0);
}

std::string PgDatabase::Value(const std::string& sql, const std::vector<postgres::Param>& params) const {
  const postgres::Rows rows = Run(sql, params);
  return rows.empty() ? std::string{} : std::string{rows.Text(0, 0)};
}

}  // namespace membridge::test
