#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "receiver/http/address_places.hpp"
#include "receiver/http/message.hpp"

namespace membridge::receiver::http {

/// An answer and the request that it belongs to. Connection ids are never used twice.
struct Answer {
  std::uint64_t connection;
  std::uint64_t request;
  Response response;
};

/// A connection that was just accepted. The I/O worker that takes it owns the descriptor.
struct Newcomer {
  int fd;
  std::string peer_address;
  AddressPlaces::Place place{};  ///< held as long as the connection is open
};

/// Passes answers, connections and the drain request to an I/O thread, which is woken through one eventfd. The mailbox outlives
/// the thread, so posting is always safe; what is posted after the last Take() is dropped. Posting: any thread.
class Mailbox {
 public:
  struct Contents {
    std::vector<Answer> answers;
    std::vector<Newcomer> newcomers;
    bool drain = false;  ///< from now on the thread finishes what it has and takes nothing new
    bool empty() const { return answers.empty() && newcomers.empty() && !drain; }
  };

  Mailbox();  ///< throws std::system_error when there is no descriptor left
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void Post(Answer answer);
  void Post(Newcomer newcomer);
  void PostDrain();
  /// Wakes the owner without posting anything.
  void Wake() const;

  /// The descriptor to watch: it is readable when there is something to take.
  int fd() const { return fd_; }
  /// Makes the calling thread the owner. Its own posts do not wake it, because it looks into the mailbox before it sleeps.
  void Own();
  /// Owner only: takes everything. Swaps with an empty `contents` to reuse its capacity.
  void Take(Contents& contents);
  /// Owner only: resets the eventfd.
  void Quieten() const;

 private:
  void Announce(bool was_empty) const;

  const int fd_;
  std::atomic<std::thread::id> owner_{};
  std::mutex mutex_;
  Contents contents_;  // guarded by mutex_
};

}  // namespace membridge::receiver::http
