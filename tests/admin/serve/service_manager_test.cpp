#include "admin/serve/service_manager.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <thread>

#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

namespace fs = std::filesystem;

/// The socket of a service manager: a file, or a name without one.
class Manager {
 public:
  explicit Manager(bool abstract) : descriptor_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    std::string folder = (fs::temp_directory_path() / "membridge-notify-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = folder;
    name_ = (abstract ? "@" : "") + folder + "/notify";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name_.copy(address.sun_path, sizeof address.sun_path - 1);
    if (abstract) address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    if (bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), length) != 0) throw std::runtime_error("bind");
  }
  ~Manager() {
    close(descriptor_);
    fs::remove_all(folder_);
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  /// The next message; empty when none comes in that time.
  std::string Heard(int milliseconds = 10'000) const {
    pollfd waiting{descriptor_, POLLIN, 0};
    if (poll(&waiting, 1, milliseconds) != 1) return {};
    std::array<char, 200> text{};
    const ssize_t got = recv(descriptor_, text.data(), text.size(), 0);
    return got > 0 ? std::string(text.data(), static_cast<std::size_t>(got)) : std::string{};
  }
  /// Sends what others may have said, until nothing more fits; how many that were. For a socket that is a file.
  int Fill() const {
    const int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name_.copy(address.sun_path, sizeof address.sun_path - 1);
    int sent = 0;
    while (sendto(sender, "other", 5, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 5) ++sent;
    close(sender);
    return sent;
  }
  const std::string& Name() const { return name_; }

 private:
  int descriptor_;
  fs::path folder_;
  std::string name_;
};

Environment Of(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional{found->second};
  };
}

TEST_CASE("a service manager hears that the bridge is ready and that it stops", "[systemd]") {
  for (const bool abstract : {false, true}) {
    CAPTURE(abstract);
    const Manager manager{abstract};
    ServiceManager told{Of({{"NOTIFY_SOCKET", manager.Name()}})};
    CHECK(told.IsThere());
    told.Ready([] { return true; });
    CHECK(manager.Heard() == "READY=1");
    told.Stopping();
    CHECK(manager.Heard() == "STOPPING=1");  // and no watchdog in between, which nobody asked for
  }
}

TEST_CASE("the watchdog is fed while the bridge is alive, and only then", "[systemd]") {
  const Manager manager{false};
  std::atomic<int> asked{0};
  std::atomic<bool> alive{true};
  const auto answer = [&] {
    ++asked;
    return alive.load();
  };
  ServiceManager told{
      Of({{"NOTIFY_SOCKET", manager.Name()}, {"WATCHDOG_USEC", "30000"}, {"WATCHDOG_PID", std::to_string(getpid())}})};
  told.Ready(answer);
  CHECK(manager.Heard() == "READY=1");
  CHECK(manager.Heard() == "WATCHDOG=1");
  CHECK(manager.Heard() == "WATCHDOG=1");
  alive = false;
  // What was said before is read; then, however often it is asked, nothing comes.
  const int until = asked + 3;
  while (asked < until) manager.Heard(1);
  while (!manager.Heard(1).empty()) continue;
  const int later = asked + 3;
  bool fed = false;
  while (asked < later) fed = fed || !manager.Heard(1).empty();
  CHECK_FALSE(fed);
  told.Stopping();
  CHECK(manager.Heard() == "STOPPING=1");
}

TEST_CASE("a manager whose queue is full hears of the end all the same", "[systemd]") {
  const Manager manager{false};
  const int others = manager.Fill();
  CHECK(others > 0);
  ServiceManager told{Of({{"NOTIFY_SOCKET", manager.Name()}})};
  std::thread stopping{[&] { told.Stopping(); }};
  for (int i = 0; i < others; ++i) CHECK(manager.Heard() == "other");
  CHECK(manager.Heard() == "STOPPING=1");
  stopping.join();
}

TEST_CASE("a watchdog that is not ours, or no number, is not fed", "[systemd]") {
  for (const auto& [process, patience] :
       {std::pair{std::to_string(getpid() + 1), std::string{"30000"}}, std::pair{std::to_string(getpid()), std::string{"soon"}},
        std::pair{std::to_string(getpid()), std::string{"-3"}}, std::pair{std::to_string(getpid()), std::string{"0"}},
        std::pair{std::to_string(getpid()), std::string{""}}}) {
    CAPTURE(process, patience);
    CHECK_FALSE(
        ServiceManager{Of({{"NOTIFY_SOCKET", "/nowhere"}, {"WATCHDOG_PID", process}, {"WATCHDOG_USEC", patience}})}.Patience());
  }
}

TEST_CASE("without a service manager, or with one that is gone, nothing is said and nothing fails", "[systemd]") {
  for (const std::string name : {"", "/nowhere/notify", "relative", "@nobody-listens-here"}) {
    CAPTURE(name);
    ServiceManager told{Of({{"NOTIFY_SOCKET", name}})};
    told.Ready([] { return true; });
    told.Stopping();
  }
  CHECK_FALSE(ServiceManager{Of({})}.IsThere());
  ServiceManager{Of({{"NOTIFY_SOCKET", "/" + std::string(200, 'x')}})}.Stopping();
}

}  // namespace
}  // namespace membridge::admin
