#include "sync/worker/lag.hpp"

#include "tests/support/catch.hpp"

namespace membridge::sync {
namespace {

using namespace std::chrono_literals;

TEST_CASE("quantiles of lags are between the bounds that they lie in", "[worker]") {
  LagHistogram lags;
  CHECK_FALSE(lags.Counts().Quantile(0.5).has_value());
  for (int i = 0; i < 90; ++i) lags.Observe(60ms);
  for (int i = 0; i < 9; ++i) lags.Observe(4s);
  lags.Observe(2h);
  const LagCounts counts = lags.Counts();
  CHECK(counts.Total() == 100);
  CHECK(counts.seconds == Approx(90 * 0.06 + 9 * 4 + 7200));
  CHECK(*counts.Quantile(0.5) > 0.05);
  CHECK(*counts.Quantile(0.5) <= 0.1);
  CHECK(*counts.Quantile(0.95) > 3);
  CHECK(*counts.Quantile(0.95) <= 5);
  CHECK(*counts.Quantile(0.99) == Approx(5));
  CHECK(*counts.Quantile(1) == Approx(3600));  // as far as the bounds reach
}

TEST_CASE("lags since an earlier moment leave out those before it", "[worker]") {
  LagHistogram lags;
  lags.Observe(4s);
  const LagCounts before = lags.Counts();
  lags.Observe(60ms);
  const LagCounts since = lags.Counts().Since(before);
  CHECK(since.Total() == 1);
  CHECK(*since.Quantile(1) == Approx(0.1));
  CHECK(since.seconds == Approx(0.06));
}

}  // namespace
}  // namespace membridge::sync
