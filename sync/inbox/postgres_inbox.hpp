#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sync/inbox/inbox.hpp"
#include "sync/inbox/journal_batch.hpp"

namespace membridge::sync {

namespace postgres {
class Session;
class Transaction;
}  // namespace postgres

/// The Inbox in PostgreSQL: one append to the journal per batch, in one round trip and one commit, flushed to disk even where the
/// server's default is not to. It takes no lock that a worker, a sweep, a person or an application can hold: a later fold turns
/// the journal into marks and events (fold.hpp). The same transaction first checks signed deliveries for replays.
/// Threads: one at a time. It owns one connection, made when first needed and again after it was lost. Blocks as long as the
/// commit takes; for a new connection, up to the DSN's connect_timeout.
class PostgresInbox final : public Inbox {
 public:
  /// A token's last use is stored at most once in this time.
  static constexpr std::chrono::seconds kTokenUseGrain{60};
  /// Bodies per statement: PostgreSQL takes no parameter over 1 GB.
  static constexpr std::size_t kStatementBytes = std::size_t{64} << 20;

  using CountsEvents = JournalBatch::CountsEvents;
  /// Called after a commit, on Accept's thread, with the transaction's number: there is something to fold. Must not throw.
  using OnStored = std::function<void(std::uint64_t transaction)>;

  /// Does not connect yet. Both functions may be empty; without `counts_events` no project counts events.
  explicit PostgresInbox(std::string dsn, OnStored on_stored = {}, CountsEvents counts_events = {});
  ~PostgresInbox() override;

  /// Replaces bytes that a text column cannot hold (NUL, invalid UTF-8) everywhere but in the body. Memory ids that cannot be
  /// Mem0's (CanBeMarked) are not marked. Splits more than kStatementBytes of bodies into several transactions; the earlier ones
  /// stay committed when a later one fails. When a commit is not answered, looks for the batch on a new connection before it
  /// stores it again. Makes a missing partition of a day.
  Result<std::vector<DeliveryId>> Accept(const std::vector<Delivery>& deliveries) override;

 private:
  void Store(const Delivery* first, const Delivery* last, std::vector<DeliveryId>& replays);
  std::uint64_t StoreOnce(const Delivery* first, const Delivery* last, bool again, std::vector<DeliveryId>& replays);
  void MakePartitions(const Delivery* first, const Delivery* last);
  void NoteTokenUse(const std::vector<Delivery>& deliveries);

  std::string dsn_;
  OnStored on_stored_;
  CountsEvents counts_events_;
  std::unique_ptr<postgres::Session> session_;     // null: not connected
  std::map<std::string, Instant> last_token_use_;  // by token id, as far as the database was told
};

}  // namespace membridge::sync
