// Preloaded into a bridge by tests/proof/chaos: a wall clock that can jump while it is looked at. MEMBRIDGE_PROOF_CLOCK names a
// file whose first eight bytes say by how many seconds it is ahead. Clocks that only count go on as they did. Nothing here may
// allocate: an allocator asks for the time before it can work.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

const volatile std::int64_t* ahead = nullptr;

__attribute__((constructor)) void FindClock() {
  const char* path = std::getenv("MEMBRIDGE_PROOF_CLOCK");
  const int file = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  void* page = mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (page != MAP_FAILED) ahead = static_cast<const volatile std::int64_t*>(page);
}

std::int64_t Ahead() {
  return ahead == nullptr ? 0 : *ahead;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const int result = static_cast<int>(syscall(SYS_clock_gettime, clock, now));
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += Ahead();
  return result;
}

extern "C" int gettimeofday(timeval* now, void* /*zone*/) noexcept {
  timespec precise{};
  const int result = clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return result;
}

extern "C" time_t time(time_t* told) noexcept {
  timespec precise{};
  clock_gettime(CLOCK_REALTIME, &precise);
  if (told != nullptr) *told = precise.tv_sec;
  return precise.tv_sec;
}
