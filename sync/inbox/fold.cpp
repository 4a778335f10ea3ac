#include "sync/inbox/fold.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <thread>

#include "mappings/base/log.hpp"
#include "sync/postgres/binary.hpp"
#include "sync/postgres/column.hpp"
#include "sync/queue/parking.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {
namespace {

using postgres::Rows;
using postgres::Session;
using postgres::SqlFailure;
using postgres::Transaction;

// A delivery in the slice that the next fold takes.
struct Unfolded {
  DeliveryId id;
  ProjectId project;
  std::vector<MemoryId> memories;
};

constexpr std::size_t kMostParked = 1000;  // memories of one delivery
constexpr std::chrono::milliseconds kOtherFolds{3};

// The numbers of a pg_snapshot as text, `xmin:xmax:xip,xip`.
std::uint64_t NextNumber(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty()) text.remove_prefix(1);
  return error == std::errc{} ? number : 0;
}

// One text for a whole answer: a statement that is prepared returns one value.
constexpr postgres::BinaryStatement kFold{"membridge_fold",
                                          "SELECT concat_ws(' ', f.folded::int, f.deliveries, f.more::int, f.news::int, "
                                          "f.snapshot) FROM membridge.fold_journal($1::integer, $2::uuid[]) AS f"};

Folded FoldedOf(std::string_view text) {
  Folded folded;
  folded.folded = NextNumber(text) != 0;
  folded.deliveries = NextNumber(text);
  folded.more = NextNumber(text) != 0;
  folded.news = NextNumber(text) != 0;
  folded.snapshot = text;
  return folded;
}

Folded Run(Transaction& transaction, std::size_t at_most, const std::vector<DeliveryId>& without) {
  postgres::Column ids;
  for (const DeliveryId& id : without) ids.AddText(id.Text());
  return FoldedOf(transaction.Run(kFold.sql, {std::to_string(at_most), ids.Take()}).Text(0, 0));
}

// The deliveries that the next fold takes, or a few more.
std::vector<Unfolded> Next(Session& session, std::size_t at_most) {
  const Rows rows = session.Run(R"(
      (SELECT d.id, d.project, to_json(d.memories) FROM membridge.fold f, membridge.deliveries d
       WHERE d.received_at >= membridge.journal_begin() AND d.xid >= pg_snapshot_xmin(coalesce(f.snapshot, '1:1:')::pg_snapshot)
         AND NOT pg_visible_in_snapshot(d.xid, coalesce(f.snapshot, '1:1:')::pg_snapshot)
       ORDER BY d.xid FETCH FIRST ($1::bigint) ROWS WITH TIES)
      UNION ALL
      (SELECT d.id, d.project, to_json(d.memories) FROM membridge.fold f, membridge.deliveries d
       WHERE (d.received_at, d.id) > (f.anew_after, f.anew_id) AND d.received_at >= membridge.journal_begin() AND d.xid IS NOT NULL
       ORDER BY d.received_at, d.id LIMIT $1::bigint))",
                                {std::to_string(at_most)});
  std::vector<Unfolded> next;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Unfolded& delivery = next.emplace_back();
    delivery.id = DeliveryId{std::string{rows.Text(row, 0)}};
    delivery.project = ProjectId{std::string{rows.Text(row, 1)}};
    for (const auto& memory : nlohmann::json::parse(rows.Text(row, 2))) delivery.memories.emplace_back(memory.get<std::string>());
  }
  return next;
}

// Folds all deliveries but those that make a fold fail. Finds these by halving; trials are rolled back.
class FoldTrials {
 public:
  FoldTrials(Session& session, std::size_t at_most, std::vector<Unfolded> slice)
      : session_(session), at_most_(at_most), slice_(std::move(slice)) {}

  Folded FoldOthers() {
    // A fold without any of them must succeed. It throws when the cause is not a delivery.
    static_cast<void>(Try(0, 0));
    Find(0, slice_.size());
    std::vector<DeliveryId> without;
    for (const auto& [place, failure] : at_fault_) without.push_back(slice_[place].id);
    Transaction transaction = session_.Begin();
    Folded folded = Run(transaction, at_most_, without);
    if (!folded.folded) return folded;
    for (const auto& [place, failure] : at_fault_) Park(transaction, slice_[place], failure);
    transaction.Commit();
    folded.parked = without;
    return folded;
  }

 private:
  // Tries to fold only [first, last) of the slice. Returns nothing when that succeeds.
  std::optional<SqlFailure> TryQuietly(std::size_t first, std::size_t last) {
    try {
      Try(first, last);
      return std::nullopt;
    } catch (const SqlFailure& failure) {
      if (failure.IsTransient()) throw;
      return failure;
    }
  }

  void Try(std::size_t first, std::size_t last) {
    std::vector<DeliveryId> without;
    for (std::size_t place = 0; place < slice_.size(); ++place) {
      if (place < first || place >= last) without.push_back(slice_[place].id);
    }
    Transaction transaction = session_.Begin();
    static_cast<void>(Run(transaction, at_most_, without));
    // Checks now what would be checked at the end of the transaction.
    transaction.Run("SET CONSTRAINTS ALL IMMEDIATE");
  }

  void Find(std::size_t first, std::size_t last) {
    if (first == last) return;
    const std::optional<SqlFailure> failure = TryQuietly(first, last);
    if (!failure) return;
    if (last - first == 1) {
      at_fault_.emplace_back(first, *failure);
      return;
    }
    const std::size_t middle = first + (last - first) / 2;
    Find(first, middle);
    Find(middle, last);
  }

  static void Park(Transaction& transaction, const Unfolded& delivery, const SqlFailure& failure) {
    const std::size_t parked = std::min(delivery.memories.size(), kMostParked);
    for (std::size_t i = 0; i < parked; ++i) {
      Claim claim;
      claim.project = delivery.project;
      claim.memory = delivery.memories[i];
      Parked{transaction}.Park(
          claim,
          {.mapping = "",
           .code = ErrorCode::kRowRejected,
           .cause = "delivery " + delivery.id.Text() + " could not be turned into marks and events: " + failure.fields().message,
           .hint = "once the cause is gone run: membridge deliveries replay --id " + delivery.id.Text(),
           .place = "",
           .sqlstate = failure.fields().sqlstate});
    }
    Log(LogLevel::kError, "delivery_parked",
        {{"delivery", delivery.id.Text()}, {"project", delivery.project.Text()}, {"error", failure.what()}});
  }

  Session& session_;
  const std::size_t at_most_;
  const std::vector<Unfolded> slice_;
  std::vector<std::pair<std::size_t, SqlFailure>> at_fault_{};
};

}  // namespace

Folded Fold::Once(Session& session, std::size_t at_most) {
  try {
    // One statement, a transaction of its own: a fold is mostly small, and each further word to the server would cost as much as
    // it.
    postgres::BinaryColumn without{postgres::BinaryColumn::Element::kUuid};
    return FoldedOf(
        session.RunBinary(kFold, {postgres::BinaryNumber(static_cast<std::int64_t>(at_most)), without.Take()}).value_or(""));
  } catch (const SqlFailure& failure) {
    if (failure.IsTransient() || !session.Usable()) throw;
  }
  // A smaller slice, so that only few deliveries are tried several times.
  const std::size_t few = std::min<std::size_t>(at_most, 200);
  return FoldTrials{session, few, Next(session, few)}.FoldOthers();
}

std::size_t Fold::All(Session& session) {
  std::size_t deliveries = 0;
  while (true) {
    const Folded folded = Once(session);
    deliveries += folded.deliveries;
    if (folded.folded && !folded.more) return deliveries;
    if (!folded.folded) std::this_thread::sleep_for(kOtherFolds);
  }
}

bool Sees(std::string_view snapshot, std::uint64_t transaction) {
  const std::uint64_t all_below = NextNumber(snapshot);
  const std::uint64_t none_from = NextNumber(snapshot);
  if (transaction < all_below) return true;
  if (transaction >= none_from) return false;
  while (!snapshot.empty()) {
    if (NextNumber(snapshot) == transaction) return false;
  }
  return true;
}

}  // namespace membridge::sync
