#include "receiver/http/io_worker.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "mappings/base/log.hpp"
#include "receiver/http/response_text.hpp"

namespace membridge::receiver::http {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kListenerTag = std::uint64_t{1} << 32;
constexpr std::uint64_t kMailboxTag = kListenerTag + 1;
constexpr std::uint64_t kTimerTag = kListenerTag + 2;
constexpr std::uint64_t kFirstClient = std::uint64_t{1} << 33;

constexpr std::size_t kScratchBytes = 64 * 1024;
constexpr int kMaxAcceptsPerRound = 128;
constexpr auto kAcceptPause = 50ms;
constexpr auto kFirstRequestPatience = 500ms;  // while stopping: for the first request of clients that were just accepted
/// Sends a refusal once and does not wait for the client to read it.
void TurnAway(int fd, std::string_view why) {
  Response full = Refusal(503, "unavailable", why, "try again shortly");
  full.headers.push_back({"Retry-After", "1"});
  const std::string text = FormatResponse(full, {.keep_alive = false, .date = CurrentDate()});
  [[maybe_unused]] const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  close(fd);
}

Response TimedOut() {
  return Refusal(408, "timeout", "the request did not arrive in time", "send header and body without pausing");
}

}  // namespace

/// A connection with its current state in the event loop and in the deadlines.
struct IoWorker::Client {
  Client(std::uint64_t number, Newcomer newcomer, Shared& shared)
      : id(number), connection(std::move(newcomer), shared.limits, shared.hooks.head_check, shared.held) {}

  const std::uint64_t id;
  Connection connection;
  bool watched_read = true;
  bool watched_write = false;
  bool touched = false;
  bool counted_refused = false;
  ClientDeadlines::Places places{};
};

IoWorker::IoWorker(Shared& shared)
    : shared_(shared),
      mailbox_(std::make_shared<Mailbox>()),
      next_id_(kFirstClient),
      deadlines_(shared.limits),
      scratch_(kScratchBytes),
      loop_([this](const std::vector<Ready>& ready) { OnReady(ready); }) {
  loop_.Watch(mailbox_->fd(), kMailboxTag, true, false);
  loop_.Watch(timer_.fd(), kTimerTag, true, false);
}

IoWorker::~IoWorker() {
  Stop();
}

void IoWorker::AcceptFrom(Listener& listener, std::vector<IoWorker*> peers) {
  listener_ = &listener;
  peers_ = std::move(peers);
  loop_.Watch(listener.fd(), kListenerTag, true, false);
}

void IoWorker::Start() {
  loop_.Start([this] { mailbox_->Own(); });
}

void IoWorker::Drain() {
  mailbox_->PostDrain();
}

void IoWorker::Stop() {
  loop_.Stop();
  mailbox_->Take(mail_);
  for (const Newcomer& newcomer : mail_.newcomers) {
    close(newcomer.fd);
    shared_.CountGone();
  }
  mail_.newcomers.clear();
  for (std::size_t left = clients_.size(); left > 0; --left) shared_.CountGone();
  clients_.clear();
}

void IoWorker::OnReady(const std::vector<Ready>& ready) {
  now_ = std::chrono::steady_clock::now();
  for (const Ready& each : ready) {
    if (each.tag == kMailboxTag) {
      mailbox_->Quieten();
    } else if (each.tag == kTimerTag) {
      timer_.Quieten();
    } else if (each.tag == kListenerTag) {
      AcceptWaiting();
    } else {
      OnClientReady(each);
    }
  }
  TakeMail();
  Expire();
  // Handlers that answer at once fill the mailbox while requests are dispatched.
  do {
    SettleTouched();
    TakeMail();
  } while (!touched_.empty());
  ArmTimer();
}

void IoWorker::OnClientReady(const Ready& ready) {
  const auto found = clients_.find(ready.tag);
  if (found == clients_.end()) return;  // dropped earlier in this round
  Client& client = *found->second;
  const bool broken = ready.hung_up || (!ready.readable && !ready.writable);
  if (broken && client.connection.owed() != Owed::kFarewell) {
    client.connection.Break();
  } else if (ready.readable || broken) {
    ReadFrom(client);
  }
  Touch(client);
}

void IoWorker::AcceptWaiting() {
  const int most = draining_ ? shared_.limits.backlog : kMaxAcceptsPerRound;
  for (int i = 0; i < most; ++i) {
    Newcomer newcomer{};
    switch (listener_->Accept(newcomer)) {
      case Listener::Outcome::kAccepted: {
        ++shared_.accepted;
        if (!PlaceByAddress(newcomer)) break;
        ++shared_.connections;
        IoWorker* const peer = peers_[next_peer_++ % peers_.size()];
        if (peer == this) {
          Admit(std::move(newcomer));
        } else {
          peer->mailbox_->Post(std::move(newcomer));
        }
        break;
      }
      case Listener::Outcome::kTurnedAway:
        ++shared_.shed;
        break;
      case Listener::Outcome::kNobody:
        return;
      case Listener::Outcome::kExhausted:
        // The listener stays readable, so stop watching it for a moment. Otherwise the loop would spin.
        if (!draining_) loop_.Change(listener_->fd(), kListenerTag, false, false);
        accept_again_ = now_ + kAcceptPause;
        return;
    }
  }
}

bool IoWorker::PlaceByAddress(Newcomer& newcomer) {
  const auto& is_exempt = shared_.hooks.is_exempt;
  if (is_exempt ? is_exempt(newcomer.peer_address) : IsLoopback(newcomer.peer_address)) return true;
  auto place = shared_.addresses.Take(newcomer.peer_address);
  if (!place) {
    ++shared_.address_full;
    TurnAway(newcomer.fd, "too many connections from this address");
    return false;
  }
  newcomer.place = std::move(*place);
  return true;
}

void IoWorker::Admit(Newcomer newcomer) {
  const std::size_t threads = shared_.limits.threads;
  bool has_room = clients_.size() < (shared_.limits.max_connections + threads - 1) / threads || MakeRoom();
  if (!has_room) {
    // Clients that came in this round have no deadlines yet.
    SettleTouched();
    has_room = MakeRoom();
  }
  if (!has_room) {
    ++shared_.shed;
    TurnAway(newcomer.fd, "too many connections");
    shared_.CountGone();
    return;
  }
  const std::uint64_t id = next_id_++;
  const int fd = newcomer.fd;
  auto client = std::make_unique<Client>(id, std::move(newcomer), shared_);
  try {
    loop_.Watch(fd, id, true, false);
  } catch (const std::runtime_error&) {  // the kernel's limit of watches
    ++shared_.shed;
    shared_.CountGone();
    return;
  }
  Client& admitted = *clients_.emplace(id, std::move(client)).first->second;
  // The first request has often arrived already.
  ReadFrom(admitted);
  Touch(admitted);
}

/// Closes a client when there is no place left. First go clients that were answered and do not close, then those that are slow to
/// send a body or a header, then those that never sent anything. Else whoever has been silent longest: a client between two
/// requests may be a proxy, and those who come without a request, however fast, must not push out one that is at work.
bool IoWorker::MakeRoom() {
  struct Candidate {
    Owed owed;
    std::chrono::milliseconds patience;
  };
  const std::chrono::milliseconds slow = shared_.limits.slow_after;
  // A client that was answered needs some time to read the answer.
  const std::array<Candidate, 6> in_order{{{Owed::kFarewell, slow / 4},
                                           {Owed::kUnprovenBody, slow},
                                           {Owed::kBody, slow},
                                           {Owed::kHeader, slow},
                                           {Owed::kFirstRequest, slow},
                                           {Owed::kFarewell, 0ms}}};
  const auto shed = [this](std::uint64_t who) {
    ++shared_.shed;
    Evict(who);
    return true;
  };
  for (const Candidate& candidate : in_order) {
    const auto first = deadlines_.First(candidate.owed);
    if (first && now_ - first->since >= candidate.patience) return shed(first->who);
  }
  auto silent = deadlines_.First(Owed::kRequest);
  for (const Owed owed : {Owed::kHeader, Owed::kFirstRequest}) {
    const auto first = deadlines_.First(owed);
    if (first && (!silent || first->since < silent->since)) silent = first;
  }
  return silent && shed(silent->who);
}

void IoWorker::Evict(std::uint64_t id) {
  Connection& connection = clients_.at(id)->connection;
  if (connection.owed() == Owed::kBody || connection.owed() == Owed::kUnprovenBody) {
    connection.Refuse(TooMuchAtOnce());
    shared_.CountRefused(connection.refused());
    connection.Flush();
  }
  Drop(id);
}

bool IoWorker::HoldsTooManyUnproven() {
  const std::size_t threads = shared_.limits.threads;
  return deadlines_.Count(Owed::kUnprovenBody) > (shared_.limits.max_unproven_bodies + threads - 1) / threads;
}

void IoWorker::TakeMail() {
  mailbox_->Take(mail_);
  for (Newcomer& newcomer : mail_.newcomers) Admit(std::move(newcomer));
  for (const Answer& answer : mail_.answers) {
    const auto found = clients_.find(answer.connection);
    if (found == clients_.end()) continue;  // left before its answer
    found->second->connection.Answer(answer.request, answer.response, draining_);
    Touch(*found->second);
  }
  if (mail_.drain && !draining_) BeginDrain();
}

void IoWorker::BeginDrain() {
  draining_ = true;
  first_requests_until_ = now_ + kFirstRequestPatience;
  if (listener_ != nullptr) {
    AcceptWaiting();
    loop_.Forget(listener_->fd());
    listener_->Close();
    accept_again_.reset();
    const std::lock_guard lock{shared_.mutex};
    shared_.listening = false;
    shared_.quiet.notify_all();
  }
  for (auto& [id, client] : clients_) {
    if (client->connection.WantsRead()) ReadFrom(*client);
    Touch(*client);
  }
}

void IoWorker::ReadFrom(Client& client) {
  complete_.clear();
  client.connection.Receive(scratch_, complete_);
  Dispatch(client);
}

void IoWorker::Dispatch(Client& client) {
  for (auto& [number, request] : complete_) {
    ++shared_.requests;
    Reply reply{[mailbox = mailbox_, id = client.id, number = number](Response response) {
      mailbox->Post(Answer{id, number, std::move(response)});
    }};
    try {
      shared_.hooks.handler(std::move(request), std::move(reply));
    } catch (const std::exception& failure) {
      // The Reply was destroyed by the exception, which answered 500.
      Log(LogLevel::kError, "request_failed", {{"error", failure.what()}});
    }
  }
  complete_.clear();
}

void IoWorker::Touch(Client& client) {
  if (std::exchange(client.touched, true)) return;
  touched_.push_back(client.id);
}

void IoWorker::SettleTouched() {
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    const auto found = clients_.find(touched_[i]);
    if (found == clients_.end()) continue;
    found->second->touched = false;
    if (!Settle(*found->second)) Drop(touched_[i]);
  }
  touched_.clear();
}

bool IoWorker::IsDrained(const Connection& connection) const {
  if (!draining_ || !connection.AtRest() || connection.owed() == Owed::kFarewell) return false;
  // A client that was just accepted may have sent its first request already; closing now would refuse it.
  return connection.owed() != Owed::kFirstRequest || !first_requests_until_;
}

/// Updates socket, event loop and deadlines from the connection's state. Returns false when the connection is over.
bool IoWorker::Settle(Client& client) {
  Connection& connection = client.connection;
  connection.Flush();
  complete_.clear();
  connection.Resume(complete_);
  Dispatch(client);
  if (connection.refused() != 0 && !std::exchange(client.counted_refused, true)) shared_.CountRefused(connection.refused());
  connection.Flush();
  if (connection.Finished() || IsDrained(connection)) return false;
  const bool read = connection.WantsRead();
  const bool write = connection.WantsWrite();
  if (read != client.watched_read || write != client.watched_write) {
    loop_.Change(connection.fd(), client.id, read, write);
    client.watched_read = read;
    client.watched_write = write;
  }
  deadlines_.Update(client.id, connection, client.places, now_);
  if (connection.owed() == Owed::kUnprovenBody && HoldsTooManyUnproven()) {
    // Unknown senders share a number of places. The slowest of them is ended, or this one when all have just begun.
    const auto slowest = *deadlines_.First(Owed::kUnprovenBody);
    const bool is_slow = now_ - slowest.since >= shared_.limits.slow_after;
    if (is_slow && slowest.who != client.id) {
      ++shared_.shed;
      Evict(slowest.who);
    } else {
      connection.Refuse(TooMuchAtOnce());
      return Settle(client);
    }
  }
  return true;
}

void IoWorker::Drop(std::uint64_t id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  deadlines_.Clear(found->second->places);
  loop_.Forget(found->second->connection.fd());
  clients_.erase(found);
  shared_.CountGone();
}

void IoWorker::Expire() {
  for (const Owed owed :
       {Owed::kFirstRequest, Owed::kRequest, Owed::kHeader, Owed::kBody, Owed::kUnprovenBody, Owed::kFarewell}) {
    while (const auto first = deadlines_.First(owed)) {
      if (first->due > now_) break;
      ExpireClient(first->who, owed);
    }
  }
  if (first_requests_until_ && *first_requests_until_ <= now_) {
    first_requests_until_.reset();
    while (const auto first = deadlines_.First(Owed::kFirstRequest)) ExpireClient(first->who, Owed::kFirstRequest);
  }
  while (const auto first = deadlines_.FirstUntaken()) {
    if (first->due > now_) break;
    ++shared_.timed_out;
    clients_.at(first->who)->connection.Break();
    Drop(first->who);
  }
  if (accept_again_ && *accept_again_ <= now_) {
    accept_again_.reset();
    loop_.Change(listener_->fd(), kListenerTag, true, false);
    AcceptWaiting();
  }
}

void IoWorker::ExpireClient(std::uint64_t id, Owed owed) {
  if (owed == Owed::kFirstRequest || owed == Owed::kRequest || owed == Owed::kFarewell) {
    Drop(id);
    return;
  }
  Client& client = *clients_.at(id);
  ++shared_.timed_out;
  client.connection.Refuse(TimedOut());
  if (!Settle(client)) Drop(id);
}

void IoWorker::ArmTimer() {
  std::optional<Deadlines::Time> next = accept_again_;
  for (const auto& moment : {first_requests_until_, deadlines_.NextDue()}) {
    if (moment && (!next || *moment < *next)) next = moment;
  }
  timer_.FireBy(next);
}

}  // namespace membridge::receiver::http
