#include "receiver/http/timer.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace membridge::receiver::http {
namespace {

using namespace std::chrono_literals;

int MakeTimer() {
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "timerfd_create");
  return fd;
}

}  // namespace

Timer::Timer() : fd_(MakeTimer()) {}

Timer::~Timer() {
  close(fd_);
}

void Timer::FireBy(std::optional<Time> moment) {
  if (!moment || (armed_ && *armed_ <= *moment)) return;
  const auto at = std::chrono::ceil<std::chrono::milliseconds>(moment->time_since_epoch());
  itimerspec when{};
  when.it_value.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(at).count();
  when.it_value.tv_nsec = std::chrono::nanoseconds{at % 1s}.count();
  timerfd_settime(fd_, TFD_TIMER_ABSTIME, &when, nullptr);
  armed_ = moment;
}

void Timer::Quieten() {
  std::uint64_t expirations = 0;
  [[maybe_unused]] const ssize_t got = read(fd_, &expirations, sizeof expirations);
  armed_.reset();
}

}  // namespace membridge::receiver::http
