// How a first load of many memories goes: throughput, calls, and whether memory use stays flat.
//
//     membridge_bench_backfill [MEMORIES]        (default 1,000,000, of one user per hundred)
//
// Prints a line per twentieth, and a second sweep over the same memories, which must write nothing.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/sync/backfilling.hpp"

namespace {

using namespace membridge;

const std::string kNotes = "CREATE TABLE notes (memory_id text PRIMARY KEY, person text, body text)";
const std::string kMapping = R"yaml(
rows:
  note:
    table: notes
    key: {memory_id: $memory.id}
    set: {person: $memory.user_id, body: $memory.text}
    gone: delete
)yaml";

double ResidentMegabytes() {
  std::ifstream status{"/proc/self/statm"};
  long pages = 0;
  status >> pages >> pages;
  return static_cast<double>(pages) * 4096 / 1e6;
}

void Load(test::Backfilling& world, std::size_t memories) {
  constexpr std::size_t kAtOnce = 50'000;
  for (std::size_t loaded = 0; loaded < memories; loaded += kAtOnce) {
    const std::size_t many = std::min(kAtOnce, memories - loaded);
    world.sim.Load(std::max<std::size_t>(1, many / 100), many,
                   {{"text", "Likes tea number {i}"}, {"metadata", {{"plan", "gold"}}}});
  }
}

void Sweep(test::Backfilling& world, const char* what, std::size_t memories) {
  const auto scheduler = world.NewScheduler();
  const std::int64_t id = world.Start(*scheduler, sync::BackfillKind::kFullSweep);
  world.sim.ResetCalls();
  const auto began = std::chrono::steady_clock::now();
  std::int64_t next = 0;
  while (true) {
    const auto stepped = scheduler->RunOnce();
    if (!stepped) fmt::print("{}\n", stepped.error().message);
    if (stepped && !*stepped) world.clock.Advance(scheduler->NextDue(std::chrono::seconds{1}));
    const sync::Run run = world.RunOf(id);
    if (run.done >= next || !run.Active()) {
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
      fmt::print("{}: {:>9} memories, {:>7.1f} s, {:>7.0f}/s, {:>5} calls, {:>6.1f} MB resident\n", what, run.done, seconds,
                 static_cast<double>(run.done) / seconds, run.Counter("calls"), ResidentMegabytes());
      std::fflush(stdout);
      next = run.done + static_cast<std::int64_t>(memories / 20);
    }
    if (!run.Active()) {
      fmt::print("{}: {} {} {}, {} calls at Mem0\n", what, NameOf(run.state), run.counters.dump(), run.error, world.sim.Calls());
      return;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t memories = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  test::Backfilling world{kNotes, kMapping};
  Load(world, memories);
  Sweep(world, "first load  ", memories);
  Sweep(world, "second sweep", memories);
  return world.db.Count("notes") == static_cast<std::int64_t>(memories) ? 0 : 1;
}
