#include "sync/worker/lag.hpp"

#include <algorithm>
#include <numeric>

namespace membridge::sync {

std::uint64_t LagCounts::Total() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

LagCounts LagCounts::Since(const LagCounts& before) const {
  LagCounts since;
  for (std::size_t i = 0; i < counts.size(); ++i) since.counts[i] = counts[i] - std::min(counts[i], before.counts[i]);
  since.seconds = std::max(0.0, seconds - before.seconds);
  return since;
}

std::optional<double> LagCounts::Quantile(double share) const {
  const auto total = static_cast<double>(Total());
  if (total == 0) return std::nullopt;
  const double wanted = std::clamp(share, 0.0, 1.0) * total;
  double below = 0;
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here > 0 && below + here >= wanted) {
      const double from = i == 0 ? 0 : kBounds[i - 1];
      return from + (kBounds[i] - from) * std::max(0.0, wanted - below) / here;
    }
    below += here;
  }
  return kBounds.back();
}

void LagHistogram::Observe(std::chrono::microseconds lag) {
  const double seconds = std::chrono::duration<double>(lag).count();
  const auto bound = std::lower_bound(LagCounts::kBounds.begin(), LagCounts::kBounds.end(), seconds);
  ++counts_[static_cast<std::size_t>(bound - LagCounts::kBounds.begin())];
  microseconds_ += static_cast<std::uint64_t>(std::max<std::int64_t>(0, lag.count()));
}

LagCounts LagHistogram::Counts() const {
  LagCounts now;
  for (std::size_t i = 0; i < counts_.size(); ++i) now.counts[i] = counts_[i].load();
  now.seconds = static_cast<double>(microseconds_.load()) / 1e6;
  return now;
}

}  // namespace membridge::sync
