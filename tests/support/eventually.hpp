#pragma once

#include <chrono>
#include <thread>

namespace membridge::test {

/// Looks until the condition holds; false when it did not within `patience`, which is far longer than anything waited for takes.
template <class Condition>
bool Eventually(Condition condition, std::chrono::seconds patience = std::chrono::seconds{30}) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

}  // namespace membridge::test
