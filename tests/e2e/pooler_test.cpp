// PgBouncer in transaction mode between the bridge and PostgreSQL: every transaction may meet another server's session.
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "sync/embedded/child_process.hpp"
#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;
using test::RunMembridge;

/// Few servers for everybody, handed on after each transaction.
class PgBouncer {
 public:
  explicit PgBouncer(const test::Cluster& cluster) {
    const auto user = sync::UnprivilegedUser();
    if (!user) throw std::runtime_error(user.error().message);
    const std::string folder = folder_.path().string();
    std::ofstream{folder_.path() / "pgbouncer.ini"}
        << fmt::format("[databases]\n* = host={} user=postgres\n", cluster.SocketFolder().string())
        << fmt::format("[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {}\nauth_type = any\n", folder)
        << "pool_mode = transaction\ndefault_pool_size = 4\nmax_client_conn = 200\nignore_startup_parameters = "
           "extra_float_digits\n";
    std::filesystem::permissions(folder_.path(), std::filesystem::perms{0755});
    if (*user && chown(folder.c_str(), (*user)->uid, (*user)->gid) != 0)
      throw std::runtime_error("cannot give " + folder + " away");
    sync::ChildOptions options;
    options.command = {"/usr/sbin/pgbouncer", folder + "/pgbouncer.ini"};
    options.user = *user;
    options.output = folder_.path() / "log";
    options.death_signal = SIGKILL;
    auto child = sync::Child::Start(options);
    if (!child) throw std::runtime_error(child.error().message);
    child_.emplace(std::move(*child));
    if (!test::WaitUntil([&] { return std::filesystem::exists(folder_.path() / ".s.PGSQL.6432"); })) {
      std::ifstream log{folder_.path() / "log"};
      throw std::runtime_error("pgbouncer does not listen: " + std::string{std::istreambuf_iterator<char>{log}, {}});
    }
  }

  std::string Dsn(const std::string& database) const {
    return fmt::format("postgresql:///{}?host={}&port=6432&user=postgres", database, folder_.path().string());
  }

 private:
  test::ScratchFolder folder_;
  std::optional<sync::Child> child_;
};

/// The world with the pooler in between.
struct Pooled {
  test::BridgeOptions Options(bool declared) const {
    test::BridgeOptions options = world.Options();
    options.database = pooler.Dsn(world.Database().Value("SELECT current_database()"));
    options.pooled = declared;
    return options;
  }

  const std::uint64_t seed = SeedOfRun();
  World world{seed};
  PgBouncer pooler{world.Postgres()};
};

}  // namespace

TEST_CASE("behind a pooler in transaction mode the rows become those of Mem0, and commands work", "[e2e][pooler]") {
  Pooled pooled;
  INFO("MEMBRIDGE_E2E_SEED=" << pooled.seed);
  World& world = pooled.world;
  test::Bridge bridge{pooled.Options(GENERATE(true, false))};
  bridge.Start();
  world.Subscribe(bridge);
  Chatter chatter{pooled.seed};
  Live(world, chatter, 20, 300);
  REQUIRE(world.WaitSettled());
  CHECK(world.WrongRows() == std::vector<std::string>{});

  bridge.Kill();
  bridge.Start();
  Live(world, chatter, 20, 100);
  REQUIRE(world.WaitSettled());
  CHECK(world.WrongRows() == std::vector<std::string>{});
  const std::vector<std::string> config{"--config", bridge.ConfigFile()};
  const auto run = [&](std::vector<std::string> command) {
    command.insert(command.end(), config.begin(), config.end());
    const auto outcome = RunMembridge(command);
    INFO(command.front() << ": " << outcome.out << outcome.err);
    CHECK(outcome.status == 0);
  };
  run({"sweep", "--full"});
  run({"deliveries", "list"});
  run({"parked", "list"});
  run({"backfill", "status"});
  run({"erase", "--user", "nobody", "--yes"});

  // Nobody else who is given one of these servers meets anything of ours.
  auto other = sync::postgres::Session{pooled.Options(true).database, "somebody", sync::postgres::SearchPath::kRoles};
  for (int i = 0; i < 8; ++i) {
    CHECK(world.Database().Count("pg_stat_activity WHERE wait_event = 'advisory'") == 0);
    CHECK(other.RunAlone("SHOW search_path").Text(0, 0) == "\"$user\", public");
    CHECK(other.RunAlone("SHOW lock_timeout").Text(0, 0) == "0");
  }
}

TEST_CASE("check and doctor tell of a pooler that nobody declared", "[e2e][pooler]") {
  Pooled pooled;
  const test::Bridge undeclared{pooled.Options(false)};
  const test::Bridge declared{pooled.Options(true)};
  for (const std::string command : {"check", "doctor"}) {
    const auto told = RunMembridge({command, "--config", undeclared.ConfigFile()});
    CHECK((told.out + told.err).find("a pooler in transaction mode stands between the bridge and PostgreSQL") !=
          std::string::npos);
    CHECK((told.out + told.err).find("write database: {url: postgresql://…, pooled: true}") != std::string::npos);
    const auto quiet = RunMembridge({command, "--config", declared.ConfigFile()});
    CHECK((quiet.out + quiet.err).find("a pooler") == std::string::npos);
  }
}

}  // namespace membridge::e2e
