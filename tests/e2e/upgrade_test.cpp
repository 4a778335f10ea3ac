// A newer binary has migrated the database under one that runs: what runs_beside says decides whether that goes on.
#include <fmt/format.h>

#include "sync/migrations/migrate.hpp"
#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;

/// Writes down a migration that this binary does not know, as a newer one would have.
void MigrateFurther(const World& world, sync::MigrationKind kind, std::optional<std::size_t> runs_beside) {
  const std::size_t known = sync::MigrationsOf(kind).size();
  world.Database().Run(
      "INSERT INTO membridge.migrations (kind, number, name, checksum, runs_beside) VALUES ($1, $2::int, $3, 'x', nullif($4, "
      "'')::int)",
      {std::string{sync::NameOf(kind)}, std::to_string(known + 1), fmt::format("{:04}_news", known + 1),
       runs_beside ? std::to_string(*runs_beside) : std::string{}});
}

TEST_CASE("a bridge goes on beside a newer one whose migrations say that it may, and another of its release may start",
          "[e2e][upgrade]") {
  World world{SeedOfRun()};
  world.PretendAnotherListens();
  test::Bridge one{world.Options()};
  one.Start();
  const std::string url = world.Subscribe(one);
  for (const auto kind : {sync::MigrationKind::kState, sync::MigrationKind::kLedger})
    MigrateFurther(world, kind, sync::MigrationsOf(kind).size());
  test::Bridge two{world.Options()};
  two.Start();
  world.Mem0().Add("ada", "Name is Ada Lovelace. Works at Initech");
  REQUIRE(world.WaitSettled());
  CHECK(world.WrongRows() == std::vector<std::string>{});
  CHECK(one.WaitReady());
  CHECK(one.Terminate() == std::optional<int>{0});
  CHECK(two.Terminate() == std::optional<int>{0});
}

TEST_CASE("a bridge on which a newer database does not count sends deliveries elsewhere, and does not start again",
          "[e2e][upgrade]") {
  World world{SeedOfRun()};
  world.PretendAnotherListens();
  test::Bridge bridge{world.Options()};
  bridge.Start();
  MigrateFurther(world, sync::MigrationKind::kState, std::nullopt);
  test::HttpAnswer ready;
  CHECK(test::WaitUntil([&] {
    ready = test::HttpClient{}.Get(bridge.AdminUrl() + "/readyz");
    return ready.status == 503;
  }));
  CHECK(ready.body.find("the database is newer than this binary") != std::string::npos);
  CHECK(bridge.Terminate() == std::optional<int>{0});
  const auto refused = test::RunMembridge({"serve", "--config", bridge.ConfigFile()});
  CHECK(refused.status == 1);
  const std::size_t known = sync::MigrationsOf(sync::MigrationKind::kState).size();
  CHECK(refused.err.find(fmt::format("the database is newer than this membridge: it has state migration {:04}_news",
                                     known + 1)) != std::string::npos);
  CHECK(refused.err.find(fmt::format("start a membridge that knows state migration {:04}", known + 1)) != std::string::npos);
}

}  // namespace
}  // namespace membridge::e2e
