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

/// One I/O thread. It accepts connections (if it has the listener), reads requests, calls the handler, writes answers and
/// enforces time-outs.
class IoWorker {
 public:
  explicit IoWorker(Shared& shared);
  ~IoWorker();

  /// Makes this worker accept connections and deal them to `peers` in turn; it is one of the peers. Call it before Start().
  void AcceptFrom(Listener& listener, std::vector<IoWorker*> peers);
  void Start();
  /// Makes the worker finish what it has and take nothing new. Any thread.
  void Drain();
  /// Ends the thread, then closes the remaining connections.
  void Stop();

 private:
  using Owed = Connection::Owed;
  struct Client;
  using Clients = std::unordered_map<std::uint64_t, std::unique_ptr<Client>>;

  void OnReady(const std::vector<Ready>& ready);
  void OnClientReady(const Ready& ready);
  void AcceptWaiting();
  /// Takes a place for the client's address. False: the address has as many as it may have, and the client was refused.
  bool PlaceByAddress(Newcomer& newcomer);
  void Admit(Newcomer newcomer);
  bool MakeRoom();
  /// Ends a client that is slow to send. It gets an answer that says so if it can be sent at once.
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
