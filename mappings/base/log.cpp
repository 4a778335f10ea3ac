#include "mappings/base/log.hpp"

#include <atomic>
#include <cstdio>
#include <mutex>
#include <string>

#include "mappings/base/log_level.hpp"
#include "mappings/base/time.hpp"

namespace membridge {
namespace {

std::atomic<LogLevel> least_level{LogLevel::kInfo};

std::string_view NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

}  // namespace

void LogFrom(LogLevel least) {
  least_level = least;
}

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (level < least_level.load()) return;
  nlohmann::ordered_json line{{"ts", FormatRfc3339(SystemClock{}.Now())}, {"level", NameOf(level)}, {"event", event}};
  for (const auto& [name, value] : fields) line[std::string{name}] = value;
  const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  static std::mutex mutex;
  const std::lock_guard lock{mutex};
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace membridge
