#include "sync/backfill/list_watch.hpp"

#include <algorithm>

namespace membridge::sync {
namespace {

constexpr int kMostStalePages = 3;
/// The most pages of a list without a count, in which only new records keep it going. No real list is this long.
constexpr std::int64_t kMostPages = 100'000;

std::optional<std::int64_t> NumberIn(const nlohmann::json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() || !found->is_number_integer() ? std::nullopt : std::optional{found->get<std::int64_t>()};
}

}  // namespace

ListWatch::Verdict ListWatch::See(const ListedPage& page) {
  ++pages_;
  listed_ += static_cast<std::int64_t>(page.fresh);
  page_size_ = std::max(page_size_, static_cast<std::int64_t>(page.records));
  if (page.count) {
    shrank_ = shrank_ || (last_count_ && *page.count < *last_count_);
    last_count_ = page.count;
    if (!count_) count_ = page.count;
  }
  if (page.past_end) return Verdict::kEnd;
  stale_ = page.fresh > 0 ? 0 : stale_ + 1;
  const bool counts_more = last_count_ && listed_ < *last_count_;
  if (!page.linked && !counts_more) return Verdict::kEnd;
  // The list has shown as many records as it counts, and now repeats itself.
  if (stale_ > 0 && last_count_ && !counts_more) return Verdict::kEnd;
  if (stale_ >= kMostStalePages) return page.records == 0 ? Verdict::kHollow : Verdict::kRepeats;
  const std::int64_t most = count_ ? 2 * (*count_ / std::max<std::int64_t>(page_size_, 1)) + 100 : kMostPages;
  return pages_ > most ? Verdict::kNeverEnds : Verdict::kMore;
}

nlohmann::json ListWatch::AsJson() const {
  nlohmann::json json{{"pages", pages_}, {"stale", stale_}, {"listed", listed_}, {"page_size", page_size_}, {"shrank", shrank_}};
  if (count_) json["count"] = *count_;
  if (last_count_) json["last_count"] = *last_count_;
  return json;
}

ListWatch ListWatch::FromJson(const nlohmann::json& json) {
  ListWatch watch;
  if (!json.is_object()) return watch;
  watch.pages_ = static_cast<int>(NumberIn(json, "pages").value_or(0));
  watch.stale_ = static_cast<int>(NumberIn(json, "stale").value_or(0));
  watch.listed_ = NumberIn(json, "listed").value_or(0);
  watch.page_size_ = NumberIn(json, "page_size").value_or(0);
  watch.count_ = NumberIn(json, "count");
  watch.last_count_ = NumberIn(json, "last_count");
  watch.shrank_ = json.value("shrank", false);
  return watch;
}

const char* Describe(ListWatch::Verdict verdict) {
  switch (verdict) {
    case ListWatch::Verdict::kMore:
    case ListWatch::Verdict::kEnd:
      return "";
    case ListWatch::Verdict::kRepeats:
      return "its pages repeat themselves";
    case ListWatch::Verdict::kHollow:
      return "its pages are empty";
    case ListWatch::Verdict::kNeverEnds:
      return "it did not end";
  }
  return "";
}

}  // namespace membridge::sync
