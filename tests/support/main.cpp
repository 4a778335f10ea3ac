#define CATCH_CONFIG_RUNNER
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/support/catch.hpp"

namespace {

#if __has_include(<catch2/catch.hpp>)
using ListenerBase = Catch::TestEventListenerBase;
#else
using ListenerBase = Catch::EventListenerBase;
#endif

constexpr off_t kShownBytes = 16 * 1024;

// A sanitizer writes what it found and ends the process, so no case ends to show it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

/// Holds back what a case writes to stderr (the product's log, its children's words), and shows the end of it when the case
/// failed. So the output of a red run is what failed. `MEMBRIDGE_TEST_LOG=1` shows everything at once.
class HeldBackLog : public ListenerBase {
 public:
  using ListenerBase::ListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    ListenerBase::testCaseStarting(info);
    if (kSanitized || std::getenv("MEMBRIDGE_TEST_LOG") != nullptr) return;
    if (held_ < 0 && !Hold()) return;
    if (ftruncate(held_, 0) != 0) return;
    dup2(held_, STDERR_FILENO);
  }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    ListenerBase::testCaseEnded(stats);
    if (held_ < 0) return;
    std::cerr.flush();
    dup2(stderr_, STDERR_FILENO);
    if (!stats.totals.assertions.allOk()) Show(stats.testInfo);
  }

 private:
  // Children append to the same file, so it is opened for appending.
  bool Hold() {
    const int memory = memfd_create("stderr", 0);
    if (memory < 0) return false;
    held_ = open(("/proc/self/fd/" + std::to_string(memory)).c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
    close(memory);
    stderr_ = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    return held_ >= 0 && stderr_ >= 0;
  }

  template <class Info>
  void Show(const Info& info) const {
    struct stat written {};
    if (fstat(held_, &written) != 0 || written.st_size == 0) return;
    const off_t from = std::max<off_t>(0, written.st_size - kShownBytes);
    std::string shown(static_cast<std::size_t>(written.st_size - from), '\0');
    const ssize_t read = pread(held_, shown.data(), shown.size(), from);
    shown.resize(read > 0 ? static_cast<std::size_t>(read) : 0);
    if (from > 0) shown.erase(0, shown.find('\n') + 1);
    std::cerr << "what the case \"" << Name(info) << "\" wrote to stderr" << (from > 0 ? ", its end" : "") << ":\n"
              << shown << std::flush;
  }

  static const std::string& Name(const Catch::TestCaseInfo& info) { return info.name; }
  static const std::string& Name(const Catch::TestCaseInfo* info) { return info->name; }

  int held_ = -1;
  int stderr_ = -1;
};

CATCH_REGISTER_LISTENER(HeldBackLog)

}  // namespace

int main(int argc, char* argv[]) {
  return Catch::Session().run(argc, argv);
}
