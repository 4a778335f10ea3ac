#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "sync/queue/wake_up.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/postgres.hpp"

namespace membridge {
namespace {

using namespace std::chrono_literals;
using sync::WakeUp;
using test::PgDatabase;

// Long enough for any machine; reached only when something is broken.
constexpr auto kDeadline = 20s;

bool Becomes(auto condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

TEST_CASE("a poke between looking for work and waiting ends the wait", "[sync]") {
  WakeUp wake_up;
  const std::uint64_t seen = wake_up.Pokes();
  CHECK_FALSE(wake_up.Wait(seen, 0ms, {}));
  wake_up.Poke();
  CHECK(wake_up.Wait(seen, kDeadline, {}));
  CHECK_FALSE(wake_up.Wait(wake_up.Pokes(), 0ms, {}));
}

TEST_CASE("one poke wakes every worker that waits", "[sync]") {
  WakeUp wake_up;
  const std::uint64_t seen = wake_up.Pokes();
  std::atomic<int> woken = 0;
  std::vector<std::jthread> workers;
  for (int worker = 0; worker < 3; ++worker) {
    workers.emplace_back([&] {
      if (wake_up.Wait(seen, kDeadline, {})) ++woken;
    });
  }
  wake_up.Poke();
  workers.clear();
  CHECK(woken == 3);
}

TEST_CASE("a stop ends the wait without a poke", "[sync]") {
  WakeUp wake_up;
  bool poked = true;
  std::jthread worker([&](std::stop_token stop) { poked = wake_up.Wait(wake_up.Pokes(), kDeadline, stop); });
  worker.request_stop();
  worker.join();
  CHECK_FALSE(poked);
}

TEST_CASE("a notice from another process wakes, also after the connection broke", "[sync][pg]") {
  const PgDatabase db;
  WakeUp wake_up{db.Dsn()};
  REQUIRE(Becomes([&] { return wake_up.Listening(); }));
  // Whatever came before listening began is one poke.
  REQUIRE(wake_up.Wait(0, kDeadline, {}));
  std::uint64_t seen = wake_up.Pokes();
  db.Run("NOTIFY membridge_due");
  CHECK(wake_up.Wait(seen, kDeadline, {}));

  seen = wake_up.Pokes();
  db.Run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'membridge listen' AND datname = "
      "current_database()");
  // Made again, it pokes: something may have been missed meanwhile.
  CHECK(wake_up.Wait(seen, kDeadline, {}));
  seen = wake_up.Pokes();
  db.Run("NOTIFY membridge_due");
  CHECK(wake_up.Wait(seen, kDeadline, {}));
}

TEST_CASE("without a server to listen at, pokes wake and nothing hangs", "[sync][pg]") {
  WakeUp wake_up{"host=/nonexistent dbname=none"};
  CHECK_FALSE(wake_up.Listening());
  const std::uint64_t seen = wake_up.Pokes();
  wake_up.Poke();
  CHECK(wake_up.Wait(seen, kDeadline, {}));
}

}  // namespace membridge
