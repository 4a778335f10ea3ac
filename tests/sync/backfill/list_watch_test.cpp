#include "sync/backfill/list_watch.hpp"

#include <vector>

#include "tests/support/catch.hpp"

// When a list at Mem0 is over, whatever its links and counts say.
namespace membridge::sync {
namespace {

using Verdict = ListWatch::Verdict;

/// Sees pages until the list is over; how many it took, and the verdict. `page` makes each of them, from 1.
template <class Page>
std::pair<int, Verdict> SeeAll(const Page& page) {
  ListWatch watch;
  for (int number = 1; number < 200'000; ++number) {
    const Verdict verdict = watch.See(page(number));
    watch = ListWatch::FromJson(watch.AsJson());
    if (verdict != Verdict::kMore) return {number, verdict};
  }
  return {0, Verdict::kMore};
}

}  // namespace

TEST_CASE("an honest list ends with its last page", "[lists][M9]") {
  const auto honest = [](int number) {
    const bool last = number == 3;
    return ListedPage{last ? 20U : 100U, last ? 20U : 100U, 220, !last, false};
  };
  CHECK(SeeAll(honest) == std::pair{3, Verdict::kEnd});
  CHECK(SeeAll([](int) { return ListedPage{7, 7, std::nullopt, false, false}; }) == std::pair{1, Verdict::kEnd});
  CHECK(SeeAll([](int) { return ListedPage{0, 0, 0, false, false}; }) == std::pair{1, Verdict::kEnd});
}

TEST_CASE("a list that lies is over after a number of calls", "[lists][M9]") {
  // Ignores `page`.
  CHECK(SeeAll([](int n) { return ListedPage{100, n == 1 ? 100U : 0U, 500, true, false}; }) == std::pair{4, Verdict::kRepeats});
  CHECK(SeeAll([](int n) {
          return ListedPage{100, n == 1 ? 100U : 0U, std::nullopt, true, false};
        }) == std::pair{4, Verdict::kRepeats});
  // Shows everything, and then its last page again and again.
  CHECK(SeeAll([](int n) { return ListedPage{100, n <= 3 ? 100U : 0U, 300, true, false}; }) == std::pair{4, Verdict::kEnd});
  // Has empty pages in between.
  CHECK(SeeAll([](int n) {
          return ListedPage{n % 2 == 1 ? 100U : 0U, n % 2 == 1 ? 100U : 0U, 300, n < 5, false};
        }) == std::pair{5, Verdict::kEnd});
  CHECK(SeeAll([](int) { return ListedPage{0, 0, 300, true, false}; }) == std::pair{3, Verdict::kHollow});
  // Gives no links.
  CHECK(SeeAll([](int n) { return ListedPage{100, 100, 300, false, n > 3}; }) == std::pair{3, Verdict::kEnd});
  // Counts too much, too little, below nothing.
  CHECK(SeeAll([](int n) {
          return ListedPage{n > 1 ? 0U : 50U, n > 1 ? 0U : 50U, 300, false, n > 1};
        }) == std::pair{2, Verdict::kEnd});
  CHECK(SeeAll([](int n) { return ListedPage{100, 100, 7, n < 4, false}; }) == std::pair{4, Verdict::kEnd});
  CHECK(SeeAll([](int) { return ListedPage{100, 100, -1, true, false}; }) == std::pair{101, Verdict::kNeverEnds});
  // Never ends.
  const auto [calls, verdict] = SeeAll([](int) { return ListedPage{100, 100, 1'000, true, false}; });
  CHECK(verdict == Verdict::kNeverEnds);
  CHECK(calls == 121);
  CHECK(SeeAll([](int) { return ListedPage{1, 1, std::nullopt, true, false}; }).second == Verdict::kNeverEnds);
}

TEST_CASE("a list that counts less from page to page shrank", "[lists][M9]") {
  ListWatch watch;
  watch.See({100, 100, 300, true, false});
  CHECK_FALSE(watch.Shrank());
  watch.See({100, 100, 301, true, false});
  CHECK_FALSE(watch.Shrank());
  watch.See({100, 100, 299, true, false});
  CHECK(watch.Shrank());
  CHECK(watch.Count() == 300);
}

}  // namespace membridge::sync
