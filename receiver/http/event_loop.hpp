#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace membridge::receiver::http {

/// One descriptor that has something to say. With none of the three set it is broken.
struct Ready {
  std::uint64_t tag;
  bool readable;
  bool writable;
  bool hung_up;  ///< both directions are gone
};

/// One thread and the descriptors it watches, level-triggered, on Pistache's reactor. That is all of Pistache that is used: its
/// listener spins when descriptors run out, its transport spins on slow readers and answers strangers after a disconnect.
class EventLoop {
 public:
  /// Called on the loop's thread with what is ready; must not throw. May watch and forget descriptors.
  using OnReady = std::function<void(const std::vector<Ready>&)>;

  explicit EventLoop(OnReady on_ready);
  ~EventLoop();  ///< as Stop()

  /// Once. `on_start` runs on the new thread before the first event.
  void Start(std::function<void()> on_start);
  /// Ends the thread and waits for it. Not from the loop's own thread.
  void Stop();

  /// Before Start() or on the loop's thread. Tags are the caller's and above 2^32; an event carries the tag, never the
  /// descriptor, so a descriptor that was closed and given out again cannot be mistaken. Throws std::runtime_error when the
  /// kernel refuses.
  void Watch(int fd, std::uint64_t tag, bool read, bool write);
  void Change(int fd, std::uint64_t tag, bool read, bool write);
  /// Before the descriptor is closed.
  void Forget(int fd);

 private:
  struct Impl;  // keeps Pistache out of this header
  std::unique_ptr<Impl> impl_;
};

}  // namespace membridge::receiver::http
