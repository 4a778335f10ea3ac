#include "admin/runtime/periodic.hpp"

#include <algorithm>
#include <typeinfo>
#include <utility>

#include "mappings/base/log.hpp"
#include "mappings/base/pause.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kFirstPause = 500ms;
constexpr std::chrono::milliseconds kLongestPause = 60s;

void Repeat(const std::stop_token& stop, const std::string& name, const Periodic::Work& work) {
  std::chrono::milliseconds pause = kFirstPause;
  while (!stop.stop_requested()) {
    try {
      const std::chrono::milliseconds next = work(stop);
      pause = kFirstPause;
      Pause(stop, next);
    } catch (const std::exception& failure) {
      if (pause == kFirstPause) Log(LogLevel::kWarn, "periodic_failed", {{"work", name}, {"error", SafeNameOf(failure)}});
      Pause(stop, pause);
      pause = std::min(pause * 2, kLongestPause);
    }
  }
}

}  // namespace

std::string SafeNameOf(const std::exception& failure) {
  if (const auto* sql = dynamic_cast<const sync::postgres::SqlFailure*>(&failure)) return sql->what();
  return typeid(failure).name();
}

Periodic::Periodic(std::string name, Work work)
    : thread_([name = std::move(name), work = std::move(work)](const std::stop_token& stop) { Repeat(stop, name, work); }) {}

Periodic::~Periodic() = default;

}  // namespace membridge::admin
