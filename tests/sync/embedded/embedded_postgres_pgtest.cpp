#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "sync/embedded/child_process.hpp"
#include "sync/embedded/embedded_postgres.hpp"
#include "sync/postgres/session.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"

namespace membridge {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using sync::Child;
using sync::EmbeddedPostgres;
using sync::postgres::Session;
using sync::postgres::SqlFailure;
using test::Eventually;

// A folder the server's user can enter, gone with the case.
class StateDir {
 public:
  StateDir() : path_("/tmp/membridge-state-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr || chmod(path_.c_str(), 0711) != 0) throw std::runtime_error("no folder in /tmp");
  }
  StateDir(const StateDir&) = delete;
  StateDir& operator=(const StateDir&) = delete;
  ~StateDir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path Path() const { return path_; }
  fs::path Inside() const { return Path() / "postgresql"; }

 private:
  std::string path_;
};

std::unique_ptr<EmbeddedPostgres> Started(const fs::path& state_dir) {
  Result<std::unique_ptr<EmbeddedPostgres>> server = EmbeddedPostgres::Start({.state_dir = state_dir});
  if (!server) FAIL(server.error().message << " / " << server.error().hint);
  return std::move(*server);
}

Error RefusalOf(const fs::path& state_dir) {
  Result<std::unique_ptr<EmbeddedPostgres>> server = EmbeddedPostgres::Start({.state_dir = state_dir});
  if (server) FAIL("it started");
  return server.error();
}

// A state_dir with data from an orderly stop; made by initdb once and copied after that, which is ten times as fast.
void Fill(const StateDir& dir) {
  static const StateDir model;
  if (!fs::exists(model.Inside())) Started(model.Path())->Stop();
  Result<Child> copy = Child::Start({.command = {"/bin/cp", "-a", model.Inside(), dir.Path()}});
  REQUIRE(copy.has_value());
  REQUIRE(copy->Wait(60s) == 0);
}

std::string TextOf(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// A process that ended but was not reaped yet stands in no folder any more.
bool Alive(pid_t pid) {
  std::error_code gone;
  return !fs::read_symlink("/proc/" + std::to_string(pid) + "/cwd", gone).empty();
}

std::string Setting(Session& session, const std::string& name) {
  return std::string{session.Run("SELECT current_setting($1)", {name}).Text(0, 0)};
}

}  // namespace

TEST_CASE("an embedded server is durable, private and unprivileged, and keeps its data over a restart", "[sync][pg][embedded]") {
  const StateDir dir;
  std::string dsn;
  {
    const auto server = Started(dir.Path());
    dsn = server->Dsn();
    Session session(dsn);
    CHECK(Setting(session, "fsync") == "on");
    CHECK(Setting(session, "data_checksums") == "on");
    CHECK(Setting(session, "listen_addresses").empty());
    CHECK(Setting(session, "server_encoding") == "UTF8");
    CHECK(session.Run("SELECT current_database()").Text(0, 0) == "membridge");
    CHECK(session.Run("SELECT count(*) FROM pg_hba_file_rules WHERE type <> 'local' AND auth_method <> 'reject'").Int(0, 0) == 0);
    struct stat socket {};
    REQUIRE(stat((dir.Inside() / "socket").c_str(), &socket) == 0);
    CHECK((socket.st_mode & 0777) == 0700);
    struct stat process {};
    REQUIRE(stat(("/proc/" + std::to_string(server->Pid())).c_str(), &process) == 0);
    CHECK(process.st_uid != 0);
    session.Run("CREATE TABLE public.people (name text)");
    session.Run("INSERT INTO public.people VALUES ('Ada')");
    server->Stop();
    CHECK(server->Pid() == 0);
    CHECK_THROWS_AS(session.Run("SELECT 1"), SqlFailure);
  }
  const auto again = Started(dir.Path());
  CHECK(again->Dsn() == dsn);
  CHECK(Session(dsn).Run("SELECT name FROM public.people").Text(0, 0) == "Ada");
}

TEST_CASE("a server that dies is started again and has lost nothing", "[sync][pg][embedded]") {
  const StateDir dir;
  Fill(dir);
  const auto server = Started(dir.Path());
  {
    Session session(server->Dsn());
    session.Run("CREATE TABLE public.people (name text)");
    session.Run("INSERT INTO public.people VALUES ('Ada')");
  }
  for (const int restarts : {1, 2}) {
    const int pid = server->Pid();
    REQUIRE(kill(pid, SIGKILL) == 0);
    REQUIRE(Eventually([&] { return server->Restarts() == restarts; }));
    CHECK(server->Pid() != pid);
    CHECK(Session(server->Dsn()).Run("SELECT name FROM public.people").Text(0, 0) == "Ada");
  }
}

TEST_CASE("a server outlives no killed bridge, and the next bridge finds what was committed", "[sync][pg][embedded]") {
  const StateDir dir;
  Fill(dir);
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const pid_t bridge = fork();
  if (bridge == 0) {
    Result<std::unique_ptr<EmbeddedPostgres>> server = EmbeddedPostgres::Start({.state_dir = dir.Path()});
    int pid = 0;
    if (server) {
      Session session((*server)->Dsn());
      session.Run("CREATE TABLE public.people (name text)");
      session.Run("INSERT INTO public.people VALUES ('Ada')");
      pid = (*server)->Pid();
    }
    if (write(ends[1], &pid, sizeof pid) != sizeof pid) _exit(1);
    while (true) pause();
  }
  int pid = 0;
  REQUIRE(read(ends[0], &pid, sizeof pid) == static_cast<ssize_t>(sizeof pid));
  REQUIRE(pid > 0);
  close(ends[0]);
  close(ends[1]);
  REQUIRE(kill(bridge, SIGKILL) == 0);
  waitpid(bridge, nullptr, 0);
  SECTION("at once, while the old server may still be stopping") {
    const auto server = Started(dir.Path());
    CHECK_FALSE(Alive(pid));
    CHECK(Session(server->Dsn()).Run("SELECT name FROM public.people").Text(0, 0) == "Ada");
  }
  SECTION("left alone it goes by itself") {
    CHECK(Eventually([&] { return !Alive(pid); }));
    CHECK_FALSE(fs::exists(dir.Inside() / "data" / "postmaster.pid"));
  }
}

TEST_CASE("a running server in the data is ended when it is ours and left alone when it is not", "[sync][pg][embedded]") {
  const StateDir dir;
  Fill(dir);
  const fs::path programs = *sync::FindServerPrograms();
  Result<Child> other = Child::Start(
      {.command = {programs / "postgres", "-D", dir.Inside() / "data", "-c", "listen_addresses=", "-k", dir.Inside() / "socket"},
       .user = *sync::UnprivilegedUser()});
  REQUIRE(other.has_value());
  const std::string dsn = "host=" + (dir.Inside() / "socket").string() + " user=membridge dbname=membridge";
  REQUIRE(Eventually([&] {
    try {
      Session session(dsn);
      return true;
    } catch (const SqlFailure&) {
      return false;
    }
  }));
  SECTION("ours, orphaned") {
    std::ofstream(dir.Inside() / "server") << other->Pid() << '\n';
    const auto server = Started(dir.Path());
    CHECK(other->Wait(0ms).has_value());
    CHECK(Session(server->Dsn()).Run("SELECT 1").Int(0, 0) == 1);
  }
  SECTION("someone else's") {
    const Error refused = RefusalOf(dir.Path());
    CHECK(refused.code == ErrorCode::kRefused);
    CHECK(refused.message == "another PostgreSQL server (process " + std::to_string(other->Pid()) + ") works in " +
                                 (dir.Inside() / "data").string());
    CHECK(refused.hint == "stop it first: pg_ctl -D " + (dir.Inside() / "data").string() + " -m fast stop");
    CHECK(Session(dsn).Run("SELECT 1").Int(0, 0) == 1);
    other->Signal(SIGINT);
    CHECK(other->Wait(30s) == 0);
  }
}

TEST_CASE("the process id of a server long dead does not keep a new one from starting", "[sync][pg][embedded]") {
  const StateDir dir;
  Fill(dir);
  // As after a power cut in a container, where the number soon belongs to someone else: here, to one of the server's own user.
  Result<Child> bystander = Child::Start({.command = {"/bin/sleep", "600"}, .user = *sync::UnprivilegedUser()});
  REQUIRE(bystander.has_value());
  const fs::path file = dir.Inside() / "data" / "postmaster.pid";
  std::ofstream(file) << bystander->Pid() << "\n" << (dir.Inside() / "data").string() << "\n1700000000\n5432\n\n\n";
  const auto server = Started(dir.Path());
  CHECK(Session(server->Dsn()).Run("SELECT 1").Int(0, 0) == 1);
  CHECK_FALSE(bystander->Wait(0ms).has_value());
}

TEST_CASE("two bridges cannot share one state_dir", "[sync][pg][embedded]") {
  const StateDir dir;
  Fill(dir);
  const auto server = Started(dir.Path());
  const Error refused = RefusalOf(dir.Path());
  CHECK(refused.code == ErrorCode::kRefused);
  CHECK(refused.message == "another membridge (process " + std::to_string(getpid()) + ") uses " + dir.Path().string());
  CHECK(Session(server->Dsn()).Run("SELECT 1").Int(0, 0) == 1);
}

TEST_CASE("data half made by an initdb that was cut short are made anew", "[sync][pg][embedded]") {
  const StateDir dir;
  fs::create_directories(dir.Inside() / "data.new" / "base");
  std::ofstream(dir.Inside() / "data.new" / "PG_VERSION") << "15\n";
  const auto server = Started(dir.Path());
  CHECK(Session(server->Dsn()).Run("SELECT 1").Int(0, 0) == 1);
  CHECK_FALSE(fs::exists(dir.Inside() / "data.new"));
}

TEST_CASE("a path too long or too odd for a socket gets one elsewhere, which goes with the server", "[sync][pg][embedded]") {
  const StateDir dir;
  const fs::path name = GENERATE(fs::path(std::string(120, 'x')), fs::path("it's, \"odd\""));
  const auto server = Started(dir.Path() / name);
  Session session(server->Dsn());
  const fs::path socket = Setting(session, "unix_socket_directories");
  CHECK(socket.parent_path() == "/tmp");
  struct stat status {};
  REQUIRE(stat(socket.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
}

TEST_CASE("a server that cannot start says why", "[sync][pg][embedded]") {
  const StateDir dir;
  Fill(dir);
  std::ofstream(dir.Inside() / "data" / "postgresql.conf", std::ios::app) << "shared_buffers = plenty\n";
  const Error refused = RefusalOf(dir.Path());
  CHECK(refused.code == ErrorCode::kRefused);
  CHECK(refused.message.find("PostgreSQL did not start (exit status 1)") == 0);
  CHECK(refused.message.find("contains errors") != std::string::npos);
  CHECK(refused.hint == "see " + (dir.Inside() / "log").string());
}

TEST_CASE("the server's log holds no row values", "[sync][pg][embedded]") {
  const StateDir dir;
  Fill(dir);
  const auto server = Started(dir.Path());
  Session session(server->Dsn());
  session.Run("CREATE TABLE public.people (email text UNIQUE)");
  session.Run("INSERT INTO public.people VALUES ('secret@example.com')");
  CHECK_THROWS_AS(session.Run("INSERT INTO public.people VALUES ('secret@example.com')"), SqlFailure);
  CHECK_THROWS_AS(session.Run("SELECT $1::int", {"secret text"}), SqlFailure);
  CHECK_THROWS_AS(session.Run("SELECT 'secret literal'::int"), SqlFailure);
  server->Stop();
  const std::string log = TextOf(dir.Inside() / "log");
  CHECK(log.find("database system is ready") != std::string::npos);
  CHECK(log.find("secret") == std::string::npos);
}

TEST_CASE("a state_dir the server's user cannot reach names the folder that is closed", "[sync][pg][embedded]") {
  const StateDir dir;
  const fs::path closed = dir.Path() / "closed";
  fs::create_directories(closed);
  if (geteuid() == 0) {
    chmod(closed.c_str(), 0700);
    const Error refused = RefusalOf(closed / "state");
    CHECK(refused.message.find("cannot enter " + closed.string()) != std::string::npos);
    CHECK(refused.hint.find("chmod o+x " + closed.string()) != std::string::npos);
  } else {
    chmod(closed.c_str(), 0);
    CHECK(RefusalOf(closed / "state").message == "cannot make " + (closed / "state").string() + ": Permission denied");
    chmod(closed.c_str(), 0700);
  }
}

}  // namespace membridge
