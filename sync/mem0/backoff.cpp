#include "sync/mem0/backoff.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace membridge::sync::mem0 {
namespace {

double MachineRandom() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  return std::uniform_real_distribution<double>{0, 1}(engine);
}

}  // namespace

Backoff::Backoff() : Backoff(Limits{}) {}

Backoff::Backoff(Limits limits, Random random)
    : limits_(limits), random_(random ? std::move(random) : Random{MachineRandom}), previous_(limits.shortest) {}

std::chrono::milliseconds Backoff::Next() {
  const auto low = static_cast<double>(limits_.shortest.count());
  const auto high = std::max(low, static_cast<double>(previous_.count()) * 3);
  const auto wait = std::chrono::milliseconds{static_cast<std::int64_t>(low + random_() * (high - low))};
  previous_ = std::min(wait, limits_.longest);
  return previous_;
}

void Backoff::Reset() {
  previous_ = limits_.shortest;
}

}  // namespace membridge::sync::mem0
