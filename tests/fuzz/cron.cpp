#include "sync/schedule/cron.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

// Any text as a schedule, after eight bytes that choose a moment: the next time is later, to the full minute, and found again as
// the last one up to itself. Berlin has gaps and repetitions, Lord Howe shifts by half an hour.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace membridge;
  using namespace std::chrono_literals;
  if (size < 8 || size > 300) return 0;
  std::uint64_t chosen = 0;
  for (int i = 0; i < 8; ++i) chosen = chosen << 8 | data[i];
  // From 1970 to about 2100.
  const Instant after{std::chrono::microseconds{static_cast<std::int64_t>(chosen % 4'102'444'800'000'000ULL)}};
  const auto cron = sync::Cron::Parse({reinterpret_cast<const char*>(data) + 8, size - 8});
  if (!cron) return 0;
  static const sync::TimeZone zones[] = {*sync::TimeZone::Named("UTC"), *sync::TimeZone::Named("Europe/Berlin"),
                                         *sync::TimeZone::Named("Australia/Lord_Howe")};
  const sync::TimeZone& zone = zones[chosen % 3];
  const auto next = cron->Next(after, zone);
  if (!next) return 0;
  if (*next <= after || next->time_since_epoch() % 1min != 0us) std::abort();
  const auto last = cron->Last(after, *next, zone);
  if (!last || *last != *next) std::abort();
  if (cron->Last(after, *next - 1us, zone)) std::abort();
  return 0;
}
