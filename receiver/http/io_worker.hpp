#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "receiver/http/client_deadlines.hpp"
#include "receiver/http/connection.hpp"
#include "receiver/http/deadlines.hpp"
#include "receiver/http/event_loop.hpp"
#include "receiver/http/listener.hpp"
#include "receiver/http/mailbox.hpp"
#include "receiver/http/shared.hpp"
#include "receiver/http/timer.hpp"

namespace membridge::receiver::http {

/// One I/O thread: accepts (if it was given the listener), reads, hands requests to the handler, writes answers, watches time.
class IoWorker {
 public:
  explicit IoWorker(Shared& shared);
  ~IoWorker();

  /// Before Start(): this worker accepts, and deals the newcomers round to `peers`, itself among them.
  void AcceptFrom(Listener& listener, std::vector<IoWorker*> peers);
  void Start();
  /// Any thread: finish, take nothing new.
  void Drain();
  /// Ends the thread, then closes what is left.
  void Stop();

 private:
  using Owed = Connection::Owed;
  struct Client;
  using Clients = std::unordered_map<std::uint64_t, std::unique_ptr<Client>>;

  void OnReady(const std::vector<Ready>& ready);
  void OnClientReady(const Ready& ready);
  void AcceptWaiting();
  /// A place among those of the client's address. False: it has all it may have, and was turned away.
  bool PlaceByAddress(Newcomer& newcomer);
  void Admit(Newcomer newcomer);
  bool MakeRoom();
  /// Ends a client that is slow to send, and tells it so as far as it takes the answer at once.
  void Evict(std::uint64_t id);
  bool HoldsTooManyUnproven();
  void TakeMail();
  void BeginDrain();
  void ReadFrom(Client& client);
  void Dispatch(Client& client);
  void Touch(Client& client);
  void SettleTouched();
  bool IsDrained(const Connection& connection) const;
  bool Settle(Client& client);
  void Drop(std::uint64_t id);
  void Expire();
  void ExpireClient(std::uint64_t id, Owed owed);
  void ArmTimer();

  Shared& shared_;
  const std::shared_ptr<Mailbox> mailbox_;
  Timer timer_;
  std::optional<Deadlines::Time> accept_again_;
  std::optional<Deadlines::Time> first_requests_until_;  // while draining: a client that was just accepted may still ask

  Listener* listener_ = nullptr;
  std::vector<IoWorker*> peers_;
  std::size_t next_peer_ = 0;

  Clients clients_;
  std::uint64_t next_id_;
  std::vector<std::uint64_t> touched_;
  ClientDeadlines deadlines_;
  Deadlines::Time now_;  // of this round
  std::vector<char> scratch_;
  Connection::Requests complete_;
  Mailbox::Contents mail_;
  bool draining_ = false;
  EventLoop loop_;  // last: its thread uses all of the above
};

}  // namespace membridge::receiver::http
