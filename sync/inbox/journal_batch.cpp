#include "sync/inbox/journal_batch.hpp"

#include <algorithm>

#include "sync/inbox/events.hpp"
#include "sync/inbox/storable.hpp"
#include "sync/postgres/column.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {
namespace {

// What membridge.store does before it stores: no long waits, a commit that is on disk, and a lock that only a second attempt of
// the same batch takes too, which then looks whether the first one came through.
constexpr std::string_view kReady = R"(
    WITH ready AS MATERIALIZED (
        SELECT set_config('lock_timeout', '5s', true),
               set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                                                     ELSE current_setting('synchronous_commit') END, true),
               pg_advisory_xact_lock($1))
    INSERT INTO membridge.deliveries (id, received_at, project, verdict, source, token, headers, memories, buckets, told, events,
                                      body, xid))";

const std::string kAppendMany = std::string{kReady} + R"(
    SELECT d.id, greatest(d.received_at, membridge.journal_begin()), d.project, d.verdict, d.source, d.token, d.headers::jsonb,
           d.memories::text[], d.buckets::smallint[], d.told::text[], d.events::uuid[], d.body, pg_current_xact_id()
    FROM ready, (SELECT unnest($2) AS id, unnest($3) AS received_at, unnest($4) AS project, unnest($5) AS verdict,
                        unnest($6) AS source, unnest($7) AS token, unnest($8) AS headers, unnest($9) AS memories,
                        unnest($10) AS buckets, unnest($11) AS told, unnest($12) AS events, unnest($13) AS body) AS d
    RETURNING xid)";

const std::string kAppendOne = std::string{kReady} + R"(
    SELECT $2, greatest($3, membridge.journal_begin()), $4, $5, $6, $7, $8::jsonb, $9::text[], $10::smallint[], $11::text[],
           $12::uuid[], $13, pg_current_xact_id()
    FROM ready
    RETURNING xid)";

}  // namespace

const postgres::BinaryStatement kAppendDeliveries{"membridge_append", kAppendMany.c_str()};
const postgres::BinaryStatement kAppendDelivery{"membridge_append_one", kAppendOne.c_str()};

bool CanBeMarked(const MemoryId& memory) {
  const std::string& text = memory.Text();
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return !text.empty() && text.size() <= 255 && std::ranges::none_of(text, is_control) && IsStorable(text);
}

JournalBatch::JournalBatch(std::int64_t number, const CountsEvents& counts_events)
    : number_(number), counts_events_(counts_events) {}

void JournalBatch::Add(const Delivery& delivery) {
  empty_ = false;
  ids_.AddUuid(delivery.id.Text());
  received_at_.AddTime(delivery.received_at);
  projects_.Add(delivery.project.Text());
  verdicts_.Add(Storable(delivery.verdict));
  sources_.Add(Storable(delivery.source_address));
  tokens_.Add(Storable(delivery.token_id));
  headers_.Add(StorableJson(delivery.headers));
  AddMemories(delivery);
  bodies_.Add(delivery.body);
}

void JournalBatch::AddMemories(const Delivery& delivery) {
  // A list of lists must be square in PostgreSQL, so each delivery's lists travel as the text of an array.
  postgres::Column memories, buckets, told, events;
  const bool counts = !delivery.events.empty() && counts_events_ && counts_events_(delivery.project);
  for (std::size_t i = 0; i < delivery.memories.size(); ++i) {
    const MemoryId& memory = delivery.memories[i];
    if (!CanBeMarked(memory)) continue;
    memories.AddText(memory.Text());
    buckets.AddNumber(BucketOf(delivery.project, memory));
    const bool has_type = i < delivery.events.size();
    std::string telling = has_type ? delivery.events[i] : "OTHER";
    if (i < delivery.announced.size() && !delivery.announced[i].empty()) telling += " " + delivery.announced[i];
    told.AddText(telling);
    if (counts && has_type) {
      events.AddText(EventIdOf(delivery, memory));
    } else {
      events.AddNull();
    }
  }
  memories_.Add(*memories.Take());
  buckets_.Add(*buckets.Take());
  told_.Add(*told.Take());
  if (counts) {
    events_.Add(*events.Take());
  } else {
    events_.AddNull();
  }
}

std::vector<postgres::BinaryParam> JournalBatch::Take() {
  return Taken(&postgres::BinaryColumn::Take);
}

std::vector<postgres::BinaryParam> JournalBatch::TakeOnly() {
  return Taken(&postgres::BinaryColumn::TakeOnly);
}

std::vector<postgres::BinaryParam> JournalBatch::Taken(postgres::BinaryParam (postgres::BinaryColumn::*take)()) {
  std::vector<postgres::BinaryParam> params{postgres::BinaryNumber(number_)};
  for (postgres::BinaryColumn* column : {&ids_, &received_at_, &projects_, &verdicts_, &sources_, &tokens_, &headers_, &memories_,
                                         &buckets_, &told_, &events_, &bodies_}) {
    params.push_back((column->*take)());
  }
  return params;
}

}  // namespace membridge::sync
