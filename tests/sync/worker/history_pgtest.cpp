// The history of a week: what several processes add, read in longer steps, and forgotten.
#include "sync/worker/history.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::sync {
namespace {

const Instant kNow = *ParseRfc3339("2026-03-08T09:07:00Z");

HistoryStep Of(Instant at, std::uint64_t deliveries, std::size_t bucket) {
  HistoryStep step{.at = at, .deliveries = deliveries, .fates = {deliveries, 0, 1, 0, 0}};
  step.lags.counts[bucket] = deliveries;
  return step;
}

TEST_CASE("what processes add within five minutes is one step, and longer steps hold the sum", "[sync][pg][operate]") {
  const test::PgDatabase db;
  postgres::Session session{db.Dsn(), "test"};
  postgres::Transaction transaction = session.Begin();
  History history{transaction};
  history.Add(Of(kNow, 3, 2));
  HistoryStep other = Of(kNow + std::chrono::minutes{2}, 4, 2);
  other.parked = 7;
  history.Add(other);
  history.Add(Of(kNow - std::chrono::minutes{30}, 5, 0));
  CHECK(transaction.Run("SELECT count(*) FROM membridge.history").Int(0, 0) == 2);

  const auto fine = history.Since(kNow - std::chrono::hours{1}, kNow, History::kStep);
  REQUIRE(fine.size() == 13);
  CHECK(fine.back().at == *ParseRfc3339("2026-03-08T09:05:00Z"));
  CHECK(fine.back().deliveries == 7);
  CHECK(fine.back().fates == std::array<std::uint64_t, 5>{7, 0, 2, 0, 0});
  CHECK(fine.back().lags.Total() == 7);
  CHECK(fine.back().parked == 7);
  CHECK(fine.front().deliveries == 0);
  CHECK_FALSE(fine.front().parked);

  const auto hours = history.Since(kNow - std::chrono::hours{2}, kNow, std::chrono::hours{1});
  REQUIRE(hours.size() == 3);
  CHECK(hours[1].deliveries == 5);
  CHECK(hours[2].deliveries == 7);
  CHECK(hours[2].lags.Quantile(0.5).value() <= 0.05);

  history.Forget(kNow + History::kKept - std::chrono::minutes{10});
  CHECK(transaction.Run("SELECT count(*) FROM membridge.history").Int(0, 0) == 1);
}

}  // namespace
}  // namespace membridge::sync
