#include "sync/inbox/postgres_inbox.hpp"

#include <algorithm>
#include <utility>

#include "sync/inbox/delivery_log.hpp"
#include "sync/inbox/events.hpp"
#include "sync/inbox/tokens.hpp"
#include "sync/postgres/column.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/queue.hpp"
#include "sync/queue/wake_up.hpp"

namespace membridge::sync {
namespace {

using postgres::Column;
using postgres::Param;
using postgres::SqlFailure;

bool IsUtf8WithoutNul(std::string_view text) {
  // Whether a plain char has a sign is the processor's choice.
  if (std::ranges::all_of(text, [](unsigned char c) { return c > 0 && c < 0x80; })) return true;
  if (text.find('\0') != std::string_view::npos) return false;
  try {
    static_cast<void>(nlohmann::json(text).dump());
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

// The text as PostgreSQL can hold it.
std::string Storable(std::string_view text) {
  if (IsUtf8WithoutNul(text)) return std::string{text};
  const std::string dumped = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string valid = nlohmann::json::parse(dumped).get<std::string>();
  std::erase(valid, '\0');
  return valid;
}

nlohmann::json StorableJson(const nlohmann::json& value) {
  if (value.is_string()) return Storable(value.get_ref<const std::string&>());
  if (!value.is_structured()) return value;
  nlohmann::json storable = value.is_array() ? nlohmann::json::array() : nlohmann::json::object();
  for (const auto& [key, element] : value.items()) {
    if (value.is_array()) {
      storable.push_back(StorableJson(element));
    } else {
      storable[Storable(key)] = StorableJson(element);
    }
  }
  return storable;
}

std::string StorableText(const nlohmann::json& value) {
  if (value.is_null()) return "{}";
  try {
    std::string text = value.dump();
    if (text.find("\\u0000") == std::string::npos) return text;
  } catch (const nlohmann::json::type_error&) {
    // Not UTF-8: copied and cleaned below, as hardly any header ever needs.
  }
  return StorableJson(value).dump();
}

std::string LockPatience() {
  return std::to_string(std::chrono::milliseconds{PostgresInbox::kLockPatience}.count());
}

constexpr const char* kAccept =
    "SELECT membridge.accept($1::uuid[], $2::smallint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], "
    "$8::text[], "
    "$9::text[], $10::integer[], $11::integer[], $12::bytea, $13::uuid[], $14::smallint[], $15::text[], $16::text[], $17::text)";
constexpr const char* kAcceptEvents =
    "SELECT membridge.accept_events($1::uuid[], $2::smallint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], "
    "$7::text[], "
    "$8::text[], "
    "$9::text[], $10::integer[], $11::integer[], $12::bytea, $13::uuid[], $14::smallint[], $15::text[], $16::text[], $17::text, "
    "$18::uuid[], $19::text[])";

// The parameters of membridge.accept and membridge.accept_events, column by column.
class Batch {
 public:
  explicit Batch(const PostgresInbox::CountsEvents& counts_events) : counts_events_(counts_events) {}

  void Add(const Delivery& delivery) {
    ids_.AddText(delivery.id.Text());
    buckets_.AddNumber(BucketOf(delivery.id));
    received_at_.AddTime(delivery.received_at);
    projects_.AddText(delivery.project.Text());
    verdicts_.AddText(Storable(delivery.verdict));
    sources_.AddText(Storable(delivery.source_address));
    tokens_.AddText(Storable(delivery.token_id));
    headers_.AddText(StorableText(delivery.headers));
    starts_.AddNumber(next_start_);
    lengths_.AddNumber(static_cast<std::int64_t>(delivery.body.size()));
    next_start_ += static_cast<std::int64_t>(delivery.body.size());
    postgres::AppendHex(bodies_, delivery.body);
    AddMemories(delivery);
  }

  std::vector<Param> Take() {
    std::vector<Param> params;
    for (Column* column : {&ids_, &buckets_, &received_at_, &projects_, &verdicts_, &sources_, &tokens_, &headers_, &memories_,
                           &starts_, &lengths_}) {
      params.push_back(column->Take());
    }
    params.emplace_back(std::move(bodies_));
    for (Column* column : {&mark_ids_, &mark_buckets_, &mark_projects_, &mark_memories_}) params.push_back(column->Take());
    params.push_back(LockPatience());
    if (has_events_) {
      for (Column* column : {&mark_events_, &mark_types_}) params.push_back(column->Take());
    }
    return params;
  }

  // Without events it is the shorter one.
  const char* Statement() const { return has_events_ ? kAcceptEvents : kAccept; }

 private:
  void AddMemories(const Delivery& delivery) {
    Column memories;
    const bool counts = counts_events_ && counts_events_(delivery.project);
    for (std::size_t i = 0; i < delivery.memories.size(); ++i) {
      const MemoryId& memory = delivery.memories[i];
      if (!CanBeMarked(memory)) continue;
      memories.AddText(memory.Text());
      mark_ids_.AddText(delivery.id.Text());
      mark_projects_.AddText(delivery.project.Text());
      mark_buckets_.AddNumber(BucketOf(delivery.project, memory));
      mark_memories_.AddText(memory.Text());
      AddEvent(delivery, i, counts);
    }
    memories_.AddText(*memories.Take());
  }

  void AddEvent(const Delivery& delivery, std::size_t i, bool counts) {
    if (!counts || i >= delivery.events.size()) {
      mark_events_.AddNull();
      mark_types_.AddNull();
      return;
    }
    has_events_ = true;
    mark_events_.AddText(EventIdOf(delivery, delivery.memories[i]));
    mark_types_.AddText(delivery.events[i]);
  }

  const PostgresInbox::CountsEvents& counts_events_;
  bool has_events_ = false;
  std::string bodies_ = "\\x";
  std::int64_t next_start_ = 1;
  Column starts_, lengths_, ids_, buckets_, received_at_, projects_, verdicts_, sources_, tokens_, headers_, memories_;
  Column mark_ids_, mark_buckets_, mark_projects_, mark_memories_, mark_events_, mark_types_;
};

Batch BatchOf(const Delivery* first, const Delivery* last, const std::vector<DeliveryId>& without,
              const PostgresInbox::CountsEvents& counts_events) {
  Batch batch{counts_events};
  for (const Delivery* delivery = first; delivery != last; ++delivery) {
    if (std::find(without.begin(), without.end(), delivery->id) == without.end()) batch.Add(*delivery);
  }
  return batch;
}

// Lost connections and deadlocks are worth one more try at once; a full disk or a lock somebody sits on are not.
bool WorthAnotherTry(const SqlFailure& failure) {
  const std::string_view state = failure.fields().sqlstate;
  return state.starts_with("08") || state.starts_with("40") || state.starts_with("57P");
}

}  // namespace

bool CanBeMarked(const MemoryId& memory) {
  const std::string& text = memory.Text();
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return !text.empty() && text.size() <= 255 && std::ranges::none_of(text, is_control) && IsUtf8WithoutNul(text);
}

PostgresInbox::PostgresInbox(std::string dsn, WakeUp* wake_up, CountsEvents counts_events)
    : dsn_(std::move(dsn)), wake_up_(wake_up), counts_events_(std::move(counts_events)) {}
PostgresInbox::~PostgresInbox() = default;

Result<std::vector<DeliveryId>> PostgresInbox::Accept(const std::vector<Delivery>& deliveries) {
  std::vector<DeliveryId> replays;
  const Delivery* first = deliveries.data();
  const Delivery* const end = first + deliveries.size();
  bool news = false;
  while (first != end) {
    const Delivery* last = first;
    std::size_t bytes = 0;
    do {
      bytes += (last++)->body.size();
    } while (last != end && bytes + last->body.size() <= kStatementBytes);
    try {
      const Stored stored = Store(first, last);
      news = stored.news || news;
      replays.insert(replays.end(), stored.replays.begin(), stored.replays.end());
    } catch (const SqlFailure& failure) {
      return Fail(ErrorCode::kUnavailable, std::string{"storing deliveries: "} + failure.what());
    }
    first = last;
  }
  if (news && wake_up_ != nullptr) wake_up_->Poke();
  NoteTokenUse(deliveries);
  return replays;
}

PostgresInbox::Stored PostgresInbox::Store(const Delivery* first, const Delivery* last) {
  for (int attempt = 1;; ++attempt) {
    try {
      if (session_ == nullptr) session_ = std::make_unique<postgres::Session>(dsn_, "membridge inbox");
      Stored stored;
      if (std::any_of(first, last, [](const Delivery& delivery) { return delivery.once.has_value(); })) {
        stored = StoreOnce(first, last);
      } else {
        Batch batch = BatchOf(first, last, {}, counts_events_);
        stored.news = session_->Run(batch.Statement(), batch.Take()).Bool(0, 0);
      }
      // A second attempt cannot know what a first one, whose answer was lost, made due.
      stored.news = stored.news || attempt > 1;
      return stored;
    } catch (const SqlFailure& failure) {
      // Stored or not, nobody knows when the connection broke; the ids make a second time harmless.
      const bool connected = session_ != nullptr;
      if (connected && !session_->Usable()) session_.reset();
      if (!connected || attempt == 2 || !WorthAnotherTry(failure)) throw;
    }
  }
}

PostgresInbox::Stored PostgresInbox::StoreOnce(const Delivery* first, const Delivery* last) {
  Column keys, ids, until;
  for (const Delivery* delivery = first; delivery != last; ++delivery) {
    if (!delivery->once) continue;
    keys.AddText(delivery->once->key);
    ids.AddText(delivery->id.Text());
    until.AddTime(delivery->once->until);
  }
  postgres::Transaction transaction = session_->Begin();
  const postgres::Rows rows = transaction.Run("SELECT membridge.admit($1::text[], $2::uuid[], $3::timestamptz[], $4)",
                                              {keys.Take(), ids.Take(), until.Take(), LockPatience()});
  Stored stored;
  for (std::size_t row = 0; row < rows.size(); ++row) stored.replays.emplace_back(std::string{rows.Text(row, 0)});
  if (stored.replays.size() < static_cast<std::size_t>(last - first)) {
    Batch batch = BatchOf(first, last, stored.replays, counts_events_);
    stored.news = transaction.Run(batch.Statement(), batch.Take()).Bool(0, 0);
  }
  transaction.Commit();
  return stored;
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
    Tokens::Touch(transaction, uses);
    transaction.Commit();
  } catch (const SqlFailure&) {
    // The deliveries are safe; the next use is told again.
    for (const TokenUse& use : uses) last_token_use_.erase(use.id);
    if (!session_->Usable()) session_.reset();
  }
}

}  // namespace membridge::sync
