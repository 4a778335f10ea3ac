#include "sync/inbox/journal_batch.hpp"

#include <algorithm>

#include "sync/inbox/events.hpp"
#include "sync/inbox/storable.hpp"
#include "sync/postgres/column.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {

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
  std::vector<postgres::BinaryParam> params{postgres::BinaryNumber(number_)};
  for (postgres::BinaryColumn* column : {&ids_, &received_at_, &projects_, &verdicts_, &sources_, &tokens_, &headers_, &memories_,
                                         &buckets_, &told_, &events_, &bodies_}) {
    params.push_back(column->Take());
  }
  return params;
}

}  // namespace membridge::sync
