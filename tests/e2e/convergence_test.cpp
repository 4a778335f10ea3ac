#include <cstdlib>
#include <optional>

#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;

/// The awkward Mem0 of the promise: answers refused, failed and out of date; deliveries doubled and out of order.
void MakeAwkward(test::Mem0Sim& mem0) {
  mem0.SetFaults({{"rate_limited", 0.05}, {"server_error", 0.05}, {"stale_ms", 150}});
  mem0.SetDelivery({{"duplicate", 0.3}, {"reorder", 0.5}});
}

TEST_CASE("whatever happens to deliveries and reads, the rows end up as Mem0's memories say", "[e2e]") {
  const std::uint64_t seed = SeedOfRun();
  CAPTURE(seed);
  World world{seed};
  world.PretendAnotherListens();
  test::Bridge bridge{world.Options()};
  bridge.Start();
  world.Subscribe(bridge);
  MakeAwkward(world.Mem0());

  Chatter chatter{seed};
  Live(world, chatter, 120, 2'500);
  REQUIRE(world.WaitSettled());
  CHECK(world.WrongRows() == std::vector<std::string>{});
  CHECK(world.Database().Count("membridge.parked") == 0);
  CHECK(world.Leaks(bridge.Log()) == std::vector<std::string>{});
  CHECK(bridge.Terminate() == std::optional<int>{0});
}

TEST_CASE("two bridges on one database share the work", "[e2e]") {
  const std::uint64_t seed = SeedOfRun();
  CAPTURE(seed);
  World world{seed};
  world.PretendAnotherListens();
  test::Bridge first{world.Options()};
  test::Bridge second{world.Options()};
  first.Launch();
  second.Start();
  REQUIRE(first.WaitReady());
  world.Subscribe(first);
  MakeAwkward(world.Mem0());

  Chatter chatter{seed};
  Live(world, chatter, 60, 1'000);
  REQUIRE(world.WaitSettled());
  CHECK(world.WrongRows() == std::vector<std::string>{});
  CHECK(first.Metric("membridge_memories_claimed_total").value_or(0) > 0);
  CHECK(second.Metric("membridge_memories_claimed_total").value_or(0) > 0);
  CHECK(first.Terminate() == std::optional<int>{0});
  CHECK(second.Terminate() == std::optional<int>{0});
}

TEST_CASE("a hundred deliveries for one memory cost a handful of reads and one write", "[e2e]") {
  World world{SeedOfRun()};
  world.PretendAnotherListens();
  world.Database().RunScript(
      "CREATE TABLE public.writes (at timestamptz);"
      "CREATE FUNCTION public.note_write() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.writes VALUES (now()); "
      "RETURN NEW; END$$;"
      "CREATE TRIGGER note_write AFTER UPDATE ON crm.contacts FOR EACH ROW EXECUTE FUNCTION public.note_write();");
  test::Bridge bridge{world.Options()};
  bridge.Start();
  world.Subscribe(bridge);
  const std::string memory = world.Mem0().Add("ada", "Works at Initech");
  REQUIRE(world.WaitSettled());

  world.Database().Run("DELETE FROM public.writes");
  world.Mem0().ResetCalls();
  world.Mem0().SetFaults({{"latency_ms", 400}});
  world.Mem0().SetDelivery({{"paused", true}});
  for (int i = 0; i < 100; ++i) world.Mem0().Update(memory, "Works at Company " + std::to_string(i));
  world.Mem0().SetDelivery({{"paused", false}});
  REQUIRE(world.WaitSettled());
  CHECK(world.Database().Value("SELECT company FROM crm.contacts") == "Company 99");
  CHECK(world.Database().Count("public.writes") == 1);
  CHECK(world.Mem0().Calls("memories.list") + world.Mem0().Calls("memories.get") <= 8);
  CHECK(world.Database().Count("membridge.deliveries") == 101);
}

}  // namespace
}  // namespace membridge::e2e
