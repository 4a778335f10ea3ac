#include "admin/shown/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kBarPause = 100ms;
constexpr std::chrono::milliseconds kLinePause = 5s;
constexpr std::int64_t kBarWidth = 24;
constexpr const char* kClearLine = "\r\x1b[K";

/// `1,234,567`
std::string Grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3 && text[at - 4] != '-';) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string BarOf(const ProgressLook& look) {
  if (!look.total || *look.total <= 0) return "";
  const std::int64_t done = std::clamp<std::int64_t>(look.done, 0, *look.total);
  const auto filled = static_cast<std::size_t>(done * kBarWidth / *look.total);
  std::string bar = "[";
  bar.append(filled, '#').append(static_cast<std::size_t>(kBarWidth) - filled, '.');
  return bar + fmt::format("] {:>3} %  ", done * 100 / *look.total);
}

}  // namespace

std::string TextOf(std::chrono::seconds time) {
  const auto seconds = std::max<std::int64_t>(0, time.count());
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
}

std::string TextOf(const ProgressLook& look) {
  std::string text = Grouped(look.done);
  if (look.total) text.append(" of ").append(Grouped(*look.total));
  text.append(" ").append(look.unit);
  if (look.per_second >= 10) {
    text.append(fmt::format(", {:.0f}/s", look.per_second));
  } else if (look.per_second > 0) {
    text.append(fmt::format(", {:.1f}/s", look.per_second));
  }
  if (look.left) text.append(", ").append(TextOf(*look.left)).append(" left");
  return text;
}

ProgressDisplay::Kind ProgressDisplay::ForStderr() {
  return isatty(STDERR_FILENO) == 1 ? Kind::kBar : Kind::kLines;
}

void ProgressDisplay::Show(const ProgressLook& look, Time now) {
  const auto pause = kind_ == Kind::kBar ? kBarPause : kLinePause;
  if (shown_at_ && now - *shown_at_ < pause) return;
  std::string line = look.what;
  line.append("  ");
  if (kind_ == Kind::kBar) line.append(BarOf(look));
  line.append(TextOf(look));
  if (line == shown_) return;
  shown_at_ = now;
  shown_ = line;
  if (kind_ == Kind::kBar) {
    err_ << kClearLine << line << std::flush;
    drawn_ = true;
  } else {
    err_ << line << std::endl;
  }
}

void ProgressDisplay::End() {
  if (drawn_) err_ << kClearLine << std::flush;
  drawn_ = false;
}

}  // namespace membridge::admin
