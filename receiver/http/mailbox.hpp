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

/// An answer, addressed to the request it belongs to. Connection ids are never used twice.
struct Answer {
  std::uint64_t connection;
  std::uint64_t request;
  Response response;
};

/// A connection just accepted; the I/O worker that takes it owns the descriptor.
struct Newcomer {
  int fd;
  std::string peer_address;
  AddressPlaces::Place place{};  ///< held as long as the connection is open
};

/// What reaches an I/O thread from elsewhere, announced by one eventfd. Outlives the thread, so that posting is always safe;
/// what is posted after the last Take() is dropped.
class Mailbox {
 public:
  struct Contents {
    std::vector<Answer> answers;
    std::vector<Newcomer> newcomers;
    bool drain = false;  ///< from now on: finish, take nothing new
    bool empty() const { return answers.empty() && newcomers.empty() && !drain; }
  };

  Mailbox();  ///< throws std::system_error when there is no descriptor left
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void Post(Answer answer);
  void Post(Newcomer newcomer);
  void PostDrain();
  /// Makes the descriptor readable without content.
  void Wake() const;

  /// Readable when there is something to take.
  int fd() const { return fd_; }
  /// The thread that takes is this one: what it posts itself needs no announcement, as it looks again before it sleeps.
  void Own();
  /// Owner only. Swaps with an empty `contents` to reuse its capacity.
  void Take(Contents& contents);
  /// Owner only: forgets the announcement.
  void Quieten() const;

 private:
  void Announce(bool was_empty) const;

  const int fd_;
  std::atomic<std::thread::id> owner_{};
  std::mutex mutex_;
  Contents contents_;  // guarded by mutex_
};

}  // namespace membridge::receiver::http
