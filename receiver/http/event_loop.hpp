#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace membridge::receiver::http {

/// One descriptor with an event. When none of the three flags is set, the descriptor is broken.
struct Ready {
  std::uint64_t tag;
  bool readable;
  bool writable;
  bool hung_up;  ///< both directions are closed
};

/// One thread and the descriptors it watches, level-triggered, on Pistache's reactor. No other part of Pistache is used: its
/// listener spins when descriptors run out, and its transport spins on slow readers and may send an answer to the wrong client
/// after a disconnect.
class EventLoop {
 public:
  /// Called on the loop's thread with the descriptors that are ready. Must not throw; may call Watch() and Forget().
  using OnReady = std::function<void(const std::vector<Ready>&)>;

  explicit EventLoop(OnReady on_ready);
  ~EventLoop();  ///< as Stop()

  /// Starts the thread. Call it once. `on_start` runs on the new thread before the first event.
  void Start(std::function<void()> on_start);
  /// Ends the thread and waits for it. Do not call it on the loop's own thread.
  void Stop();

  /// Watches a descriptor. Call it before Start() or on the loop's thread. The caller chooses the tag, which must be above 2^32.
  /// An event has the tag and never the descriptor, so a descriptor that was closed and reused cannot be confused. Throws
  /// std::runtime_error when the kernel refuses.
  void Watch(int fd, std::uint64_t tag, bool read, bool write);
  void Change(int fd, std::uint64_t tag, bool read, bool write);
  /// Stops watching a descriptor. Call it before the descriptor is closed.
  void Forget(int fd);

 private:
  struct Impl;  // keeps Pistache out of this header
  std::unique_ptr<Impl> impl_;
};

}  // namespace membridge::receiver::http
