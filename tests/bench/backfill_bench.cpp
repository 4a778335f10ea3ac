// How a first load of many memories goes: throughput, calls, and whether memory use stays flat.
//
//     membridge_bench_backfill [MEMORIES]        (default 1,000,000, of one user per hundred)
//
// The local Mem0 generates them while they are listed. Prints a line per tenth with the peak of this process's resident memory,
// then a second sweep over the same memories, which must write nothing.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/bench/notes.hpp"
#include "tests/sync/backfill/backfilling.hpp"

namespace {

using namespace membridge;

/// A line of /proc/self/status, in MB: `VmRSS`, `VmHWM`.
double Megabytes(const std::string& name) {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return std::strtod(line.c_str() + name.size() + 1, nullptr) * 1024 / 1e6;
  }
  return 0;
}

struct Watch {
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
  std::int64_t next = 0;

  void Tell(const char* what, const sync::Run& run, std::size_t memories) {
    if (run.done < next && run.Active()) return;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    fmt::print(
        "{}: {:>3.0f} %  {:>9} memories, {:>7.1f} s, {:>7.0f}/s, {:>5} calls, {:>6.1f} MB resident, {:>6.1f} MB at the peak\n",
        what, 100.0 * static_cast<double>(run.done) / static_cast<double>(memories), run.done, seconds,
        static_cast<double>(run.done) / seconds, run.Counter("calls"), Megabytes("VmRSS"), Megabytes("VmHWM"));
    std::fflush(stdout);
    next = run.done + static_cast<std::int64_t>(memories / 10);
  }
};

bool Sweep(test::Backfilling& world, const char* what, std::size_t memories) {
  const auto scheduler = world.NewScheduler();
  const std::int64_t id = world.Start(*scheduler, sync::BackfillKind::kFullSweep);
  world.sim.ResetCalls();
  Watch watch;
  while (true) {
    const auto stepped = scheduler->RunOnce();
    if (!stepped) fmt::print("{}\n", stepped.error().message);
    if (stepped && !*stepped) world.clock.Advance(scheduler->NextDue(std::chrono::seconds{1}));
    const sync::Run run = world.RunOf(id);
    watch.Tell(what, run, memories);
    if (run.Active()) continue;
    fmt::print("{}: {} {} {}, {} calls at Mem0\n", what, NameOf(run.state), run.counters.dump(), run.error, world.sim.Calls());
    return run.state == sync::RunState::kDone;
  }
}

/// Everything that was ever written to the target, the ledger, the mirror and the queue.
std::string Writes(const test::Backfilling& world) {
  return world.db.Value(
      "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables "
      "WHERE relname IN ('notes', 'memories', 'rows', 'contributions', 'dirty')");
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t memories = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  test::Backfilling world{bench::kNotes, bench::kMapping};
  world.sim.SetCrowd(std::max<std::size_t>(1, memories / 100), memories,
                     {{"text", "Likes tea number {i}"}, {"metadata", {{"plan", "gold"}}}});
  bool done = Sweep(world, "first load  ", memories);
  const std::string written = Writes(world);
  done = Sweep(world, "second sweep", memories) && done;
  fmt::print("writes after the first load: {}, after the second sweep: {}\n", written, Writes(world));
  return done && world.db.Count("notes") == static_cast<std::int64_t>(memories) ? 0 : 1;
}
