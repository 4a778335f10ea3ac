#include "sync/inbox/postgres_inbox.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "sync/inbox/delivery_partitions.hpp"
#include "sync/inbox/tokens.hpp"
#include "sync/postgres/column.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {
namespace {

using postgres::Column;
using postgres::SqlFailure;

// Lost connections and deadlocks are worth one more try at once. A full disk or a held lock is not.
bool WorthAnotherTry(const SqlFailure& failure) {
  const std::string_view state = failure.fields().sqlstate;
  return state.starts_with("08") || state.starts_with("40") || state.starts_with("57P");
}

// PostgreSQL reports a row without a partition as a violated check (23514), but names no constraint, as it would for a real one.
bool LacksPartition(const SqlFailure& failure) {
  return failure.fields().sqlstate == "23514" && failure.fields().constraint.empty();
}

// The batch's own number: the random half of its first delivery's id. Its top bit is set, so that it differs from the numbers of
// the bridge's other advisory locks.
std::int64_t NumberOf(const Delivery& first) {
  std::string digits = first.id.Text().substr(std::min<std::size_t>(19, first.id.Text().size()));
  std::erase(digits, '-');
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return static_cast<std::int64_t>(number | std::uint64_t{1} << 63);
}

std::uint64_t TransactionOf(const std::optional<std::string>& text) {
  std::uint64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

// Returns the deliveries of a batch that an earlier attempt stored whose answer was lost. Waits until that attempt was committed
// or rolled back.
std::set<DeliveryId> StoredBefore(postgres::Transaction& transaction, const Delivery* first, const Delivery* last) {
  Column ids;
  for (const Delivery* delivery = first; delivery != last; ++delivery) ids.AddText(delivery->id.Text());
  const auto by_time = [](const Delivery& one, const Delivery& other) { return one.received_at < other.received_at; };
  const auto [earliest, latest] = std::minmax_element(first, last, by_time);
  const postgres::Rows rows = transaction.Run(
      "SELECT membridge.stored_before($1::bigint, $2::uuid[], $3::timestamptz, $4::timestamptz)",
      {std::to_string(NumberOf(*first)), ids.Take(), FormatRfc3339(earliest->received_at), FormatRfc3339(latest->received_at)});
  std::set<DeliveryId> stored;
  for (std::size_t row = 0; row < rows.size(); ++row) stored.emplace(std::string{rows.Text(row, 0)});
  return stored;
}

// Notes signed deliveries by their keys, and returns those that were accepted before.
std::vector<DeliveryId> Admit(postgres::Transaction& transaction, const Delivery* first, const Delivery* last) {
  Column keys, ids, until;
  for (const Delivery* delivery = first; delivery != last; ++delivery) {
    if (!delivery->once) continue;
    keys.AddText(delivery->once->key);
    ids.AddText(delivery->id.Text());
    until.AddTime(delivery->once->until);
  }
  const postgres::Rows rows = transaction.Run("SELECT membridge.admit($1::text[], $2::uuid[], $3::timestamptz[], '5s')",
                                              {keys.Take(), ids.Take(), until.Take()});
  std::vector<DeliveryId> replays;
  for (std::size_t row = 0; row < rows.size(); ++row) replays.emplace_back(std::string{rows.Text(row, 0)});
  return replays;
}

bool HasKeys(const Delivery* first, const Delivery* last) {
  return std::any_of(first, last, [](const Delivery& delivery) { return delivery.once.has_value(); });
}

}  // namespace

PostgresInbox::PostgresInbox(std::string dsn, OnStored on_stored, CountsEvents counts_events)
    : dsn_(std::move(dsn)), on_stored_(std::move(on_stored)), counts_events_(std::move(counts_events)) {}
PostgresInbox::~PostgresInbox() = default;

Result<std::vector<DeliveryId>> PostgresInbox::Accept(const std::vector<Delivery>& deliveries) {
  std::vector<DeliveryId> replays;
  const Delivery* first = deliveries.data();
  const Delivery* const end = first + deliveries.size();
  while (first != end) {
    const Delivery* last = first;
    std::size_t bytes = 0;
    do {
      bytes += (last++)->body.size();
    } while (last != end && bytes + last->body.size() <= kStatementBytes);
    try {
      Store(first, last, replays);
    } catch (const SqlFailure& failure) {
      return Fail(ErrorCode::kUnavailable, std::string{"storing deliveries: "} + failure.what());
    }
    first = last;
  }
  NoteTokenUse(deliveries);
  return replays;
}

void PostgresInbox::Store(const Delivery* first, const Delivery* last, std::vector<DeliveryId>& replays) {
  bool again = false, made_partitions = false;
  while (true) {
    try {
      if (session_ == nullptr) session_ = std::make_unique<postgres::Session>(dsn_, "membridge inbox");
      std::vector<DeliveryId> found;
      const std::uint64_t transaction = StoreOnce(first, last, again, found);
      replays.insert(replays.end(), found.begin(), found.end());
      // Zero: nothing new was stored. But an earlier attempt whose answer was lost may have stored deliveries that nobody was
      // told of.
      if (on_stored_ && (transaction != 0 || again)) on_stored_(transaction);
      return;
    } catch (const SqlFailure& failure) {
      const bool connected = session_ != nullptr;
      if (connected && !session_->Usable()) session_.reset();
      if (connected && !made_partitions && LacksPartition(failure)) {
        made_partitions = true;
        MakePartitions(first, last);
        continue;
      }
      // When the connection broke, it is unknown whether the batch is stored. The second attempt looks.
      if (!connected || again || !WorthAnotherTry(failure)) throw;
      again = true;
    }
  }
}

/// Makes one attempt. Returns the number of its transaction, 0 when nothing was left to store.
std::uint64_t PostgresInbox::StoreOnce(const Delivery* first, const Delivery* last, bool again,
                                       std::vector<DeliveryId>& replays) {
  JournalBatch batch{NumberOf(*first), counts_events_};
  if (!again && !HasKeys(first, last)) {
    for (const Delivery* delivery = first; delivery != last; ++delivery) batch.Add(*delivery);
    if (!session_->KeepsStatements()) return TransactionOf(session_->RunBinary(kStoreDeliveries, batch.Take()));
    return TransactionOf(last - first == 1 ? session_->RunBinary(kAppendDelivery, batch.TakeOnly())
                                           : session_->RunBinary(kAppendDeliveries, batch.Take()));
  }
  postgres::Transaction transaction = session_->Begin();
  std::set<DeliveryId> without;
  if (again) without = StoredBefore(transaction, first, last);
  if (HasKeys(first, last)) replays = Admit(transaction, first, last);
  without.insert(replays.begin(), replays.end());
  for (const Delivery* delivery = first; delivery != last; ++delivery) {
    if (!without.contains(delivery->id)) batch.Add(*delivery);
  }
  std::uint64_t number = 0;
  if (!batch.Empty()) number = TransactionOf(transaction.RunBinary(kStoreDeliveries, batch.Take()));
  transaction.Commit();
  return number;
}

/// Makes the missing partitions for the days of these deliveries.
void PostgresInbox::MakePartitions(const Delivery* first, const Delivery* last) {
  std::set<Day> days;
  for (const Delivery* delivery = first; delivery != last; ++delivery)
    days.insert(std::chrono::floor<std::chrono::days>(delivery->received_at));
  for (const Day day : days) EnsurePartitions(*session_, day, 0);
}

void PostgresInbox::NoteTokenUse(const std::vector<Delivery>& deliveries) {
  std::vector<TokenUse> uses;
  for (const Delivery& delivery : deliveries) {
    if (delivery.token_id.empty()) continue;
    const auto [known, is_new] = last_token_use_.try_emplace(delivery.token_id, delivery.received_at);
    if (!is_new && delivery.received_at - known->second < kTokenUseGrain) continue;
    known->second = delivery.received_at;
    uses.push_back({delivery.token_id, delivery.received_at});
  }
  if (uses.empty() || session_ == nullptr) return;
  try {
    postgres::Transaction transaction = session_->Begin();
    // The senders wait for this, so it must not wait long for a row that another session holds.
    transaction.Run("SELECT set_config('lock_timeout', '100ms', true)");
    Tokens{transaction}.Touch(uses);
    transaction.Commit();
  } catch (const SqlFailure&) {
    // The deliveries are stored already; the token's next use is written instead.
    for (const TokenUse& use : uses) last_token_use_.erase(use.id);
    if (!session_->Usable()) session_.reset();
  }
}

}  // namespace membridge::sync
