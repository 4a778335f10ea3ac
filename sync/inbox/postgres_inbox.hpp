#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sync/inbox/inbox.hpp"

namespace membridge::sync {

class WakeUp;

namespace postgres {
class Session;
}

/// The Inbox in PostgreSQL: deliveries, dirty marks and events are one statement, hence one round trip and one commit for the
/// whole batch (where replays are looked for it is a transaction of two statements), flushed to disk even where the server's
/// default is not to. Workers are told, those of other processes by NOTIFY membridge_due and ours by `wake_up`, only when a
/// bucket goes from empty to due. Threads: one at a time; it owns one connection, made when first needed and again after it was
/// lost. Blocks: as long as the commit takes; for a lock that somebody else holds at most kLockPatience, for a connection the
/// DSN's connect_timeout.
class PostgresInbox final : public Inbox {
 public:
  static constexpr std::chrono::seconds kLockPatience{5};
  /// How exactly a token's last use is known.
  static constexpr std::chrono::seconds kTokenUseGrain{60};
  /// Bodies per statement: they travel as hex, and PostgreSQL takes no parameter over 1 GB.
  static constexpr std::size_t kStatementBytes = std::size_t{64} << 20;

  /// Whether a project has mappings `from: event`, so that what its deliveries tell must be kept apart, each by itself. Asked for
  /// every delivery, from the thread that calls Accept.
  using CountsEvents = std::function<bool(const ProjectId&)>;

  /// Does not connect yet. `wake_up` may be null and must outlive this; without `counts_events` no project does.
  explicit PostgresInbox(std::string dsn, WakeUp* wake_up = nullptr, CountsEvents counts_events = {});
  ~PostgresInbox() override;

  /// Bytes no text column can hold (NUL, what is not UTF-8) are replaced everywhere but in the body. Memory ids that cannot be
  /// Mem0's (CanBeMarked) are not marked. More than kStatementBytes of bodies become several transactions, each of which stays
  /// when a later one fails.
  Result<std::vector<DeliveryId>> Accept(const std::vector<Delivery>& deliveries) override;

 private:
  struct Stored {
    bool news = false;                ///< whether workers have something to do
    std::vector<DeliveryId> replays;  ///< which are not stored
  };
  Stored Store(const Delivery* first, const Delivery* last);
  Stored StoreOnce(const Delivery* first, const Delivery* last);
  void NoteTokenUse(const std::vector<Delivery>& deliveries);

  std::string dsn_;
  WakeUp* wake_up_;
  CountsEvents counts_events_;
  std::unique_ptr<postgres::Session> session_;     // null: not connected
  std::map<std::string, Instant> last_token_use_;  // by token id, as far as the database was told
};

/// Whether a memory id found in a delivery may become a dirty mark: 1 to 255 bytes of UTF-8 without control characters. An index
/// entry cannot hold more than a few kilobytes, and one such id must not make PostgreSQL refuse the batch it came in.
bool CanBeMarked(const MemoryId& memory);

}  // namespace membridge::sync
