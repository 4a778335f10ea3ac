#include "admin/shown/progress.hpp"

#include <sstream>

#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;

ProgressLook Look(std::int64_t done) {
  ProgressLook look;
  look.what = "sweep";
  look.unit = "memories";
  look.done = done;
  look.total = 12'000;
  look.per_second = 410.4;
  look.left = 200s;
  return look;
}

constexpr ProgressDisplay::Time kStart{1h};

}  // namespace

TEST_CASE("a bar is drawn over itself and taken away at the end", "[progress]") {
  std::ostringstream err;
  {
    ProgressDisplay display{err, ProgressDisplay::Kind::kBar};
    display.Show(Look(6'000), kStart);
    display.Show(Look(6'001), kStart + 50ms);  // too soon to be seen
    display.Show(Look(12'000), kStart + 150ms);
  }
  CHECK(err.str() ==
        "\r\x1b[Ksweep  [############............]  50 %  6,000 of 12,000 memories, 410/s, 3 min 20 s left"
        "\r\x1b[Ksweep  [########################] 100 %  12,000 of 12,000 memories, 410/s, 3 min 20 s left"
        "\r\x1b[K");
}

TEST_CASE("without a terminal there is a plain line every few seconds, and none when nothing moved", "[progress]") {
  std::ostringstream err;
  ProgressDisplay display{err, ProgressDisplay::Kind::kLines};
  display.Show(Look(1), kStart);
  display.Show(Look(2), kStart + 4s);
  display.Show(Look(3), kStart + 6s);
  display.Show(Look(3), kStart + 60s);
  display.End();
  CHECK(err.str() ==
        "sweep  1 of 12,000 memories, 410/s, 3 min 20 s left\n"
        "sweep  3 of 12,000 memories, 410/s, 3 min 20 s left\n");
}

TEST_CASE("what is not known is not shown", "[progress]") {
  ProgressLook look;
  look.unit = "users";
  look.done = 1'234'567;
  CHECK(TextOf(look) == "1,234,567 users");
  look.per_second = 0.26;
  CHECK(TextOf(look) == "1,234,567 users, 0.3/s");
  std::ostringstream err;
  ProgressDisplay display{err, ProgressDisplay::Kind::kBar};
  display.Show(look, kStart);
  CHECK(err.str().find('[', 3) == std::string::npos);
}

TEST_CASE("a time left is told in words that fit it", "[progress]") {
  CHECK(TextOf(0s) == "0 s");
  CHECK(TextOf(59s) == "59 s");
  CHECK(TextOf(60s) == "1 min 0 s");
  CHECK(TextOf(2h + 5min + 59s) == "2 h 5 min");
  CHECK(TextOf(-5s) == "0 s");
}

}  // namespace membridge::admin
