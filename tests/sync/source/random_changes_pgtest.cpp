#include <fmt/format.h>

#include <cstdlib>
#include <random>

#include "tests/support/catch.hpp"
#include "tests/sync/source/selfhosted.hpp"

namespace membridge::test {
namespace {

/// MEMBRIDGE_SOURCE_CHANGES says how many; ctest -R sync_source_full plays 2,500.
int ChangesWanted() {
  const char* wanted = std::getenv("MEMBRIDGE_SOURCE_CHANGES");
  return wanted != nullptr ? std::atoi(wanted) : 800;
}

std::random_device::result_type SeedWanted() {
  const char* seed = std::getenv("MEMBRIDGE_E2E_SEED");
  return seed != nullptr ? static_cast<std::random_device::result_type>(std::strtoul(seed, nullptr, 10)) : std::random_device{}();
}

constexpr int kMemories = 150;

/// Random changes of the table by plain SQL: inserts, updates in two statements, deletions, several in one transaction, rolled
/// back ones, bulk ones.
class Application {
 public:
  Application(const SelfHosted& mem0, std::uint64_t seed) : mem0_(mem0), random_(seed), session_(mem0.source.Session()) {}

  void Change() {
    sync::postgres::Transaction transaction = session_.Begin();
    const int many = Chance(0.1) ? 1 + Below(20) : 1;
    for (int i = 0; i < many; ++i) One(transaction);
    if (!Chance(0.05)) transaction.Commit();
  }
  bool Chance(double share) { return std::uniform_real_distribution<double>{}(random_) < share; }
  int Below(int limit) { return std::uniform_int_distribution<int>{0, limit - 1}(random_); }

 private:
  void One(sync::postgres::Transaction& transaction) {
    const std::string id = SelfHosted::Id(Below(kMemories));
    const std::string payload =
        SelfHosted::PayloadOf(fmt::format("u{}", Below(9)), fmt::format("text {}", Below(1000)), fmt::format("t{}", Below(3)));
    switch (Below(8)) {
      case 0:
      case 1:
        transaction.Run("DELETE FROM memories WHERE id = $1::uuid", {id});
        return;
      case 2:
        transaction.Run("UPDATE memories SET vector = $2 WHERE id = $1::uuid", {id, payload});
        transaction.Run("UPDATE memories SET payload = $2::jsonb WHERE id = $1::uuid", {id, payload});
        return;
      case 3:
        transaction.Run("UPDATE memories SET payload = payload || jsonb_build_object('tier', $2::text) WHERE id < $1::uuid",
                        {SelfHosted::Id(Below(8)), fmt::format("bulk {}", Below(100))});
        return;
      default:
        transaction.Run(
            "INSERT INTO memories VALUES ($1::uuid, '[1]', $2::jsonb) ON CONFLICT (id) DO UPDATE SET payload = excluded.payload",
            {id, payload});
    }
  }

  const SelfHosted& mem0_;
  std::mt19937_64 random_;
  sync::postgres::Session session_;
};

}  // namespace

TEST_CASE("random changes of a self-hosted Mem0 leave no wrong row", "[source][random][pg]") {
  const auto seed = SeedWanted();
  const int changes = ChangesWanted();
  CAPTURE(seed);
  SelfHosted mem0;
  mem0.Install();
  mem0.FeedAndWork();
  mem0.Sweep(sync::BackfillKind::kFullSweep);
  Application application{mem0, seed};
  auto feeder = mem0.NewFeeder();
  auto worker = mem0.NewWorker();
  for (int change = 0; change < changes; ++change) {
    application.Change();
    if (application.Chance(0.2)) static_cast<void>(feeder->Step());
    if (application.Chance(0.1)) static_cast<void>(worker->RunOnce());
    if (application.Chance(0.005)) feeder = mem0.NewFeeder();  // as after a crash: what it knew is gone
    if (application.Chance(0.002)) mem0.source.Run("TRUNCATE memories");
    if (application.Chance(0.001)) {
      mem0.source.RunScript("DROP TABLE memories");
      static_cast<void>(feeder->Step());
      mem0.MakeTable();
      mem0.Install();
      static_cast<void>(feeder->Step());
      sync::RunOptions options;
      options.allow_vanishing = true;  // a person has said that it is meant
      mem0.Sweep(sync::BackfillKind::kFullSweep, options);
    }
  }
  static_cast<void>(feeder->Step());
  mem0.Work();
  CHECK(mem0.Rows() == mem0.Expected());
  CHECK(mem0.db.Count("membridge.parked") == 0);
}

}  // namespace membridge::test
