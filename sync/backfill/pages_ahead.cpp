#include "sync/backfill/pages_ahead.hpp"

#include <utility>

namespace membridge::sync {
namespace {

/// A list that answers slowly is applied with fewer pages at a time: the run's lease must not end meanwhile.
constexpr std::chrono::seconds kReadAtOnce{2};

/// Whether it is clear that there is a page behind this one, with which `listed` records have been listed.
bool IsFollowed(const mem0::MemoryPage& page, std::int64_t listed) {
  if (page.past_end || page.Records() == 0 || (page.count && listed >= *page.count)) return false;
  return page.linked || page.count.has_value();
}

}  // namespace

PagesAhead::~PagesAhead() = default;

Result<PagesAhead::Pages> PagesAhead::ReadNow(PagesWanted wanted) {
  Pages pages;
  const auto began = std::chrono::steady_clock::now();
  while (true) {
    auto read = records_.ReadPage(wanted.first);
    if (!read && pages.empty()) return tl::unexpected<Error>(read.error());
    if (!read) return pages;
    wanted.listed += static_cast<std::int64_t>(read->Records());
    ++wanted.first.page;
    wanted.first.after = read->last_key;
    pages.push_back(std::move(*read));
    const bool is_enough =
        static_cast<int>(pages.size()) >= wanted.most || std::chrono::steady_clock::now() - began > kReadAtOnce;
    if (is_enough || !IsFollowed(pages.back(), wanted.listed)) return pages;
  }
}

Result<PagesAhead::Pages> PagesAhead::Read(const PagesWanted& wanted) {
  const std::unique_ptr<Ahead> ahead = std::move(ahead_);
  if (ahead && ahead->wanted.Begins(wanted)) return ahead->answer.get();
  if (ahead) ahead->answer.wait();  // only one thread at a time may use them
  return ReadNow(wanted);
}

void PagesAhead::ReadBehind(const PagesWanted& wanted, const Pages& pages, int most) {
  PagesWanted next = wanted;
  for (const mem0::MemoryPage& page : pages) next.listed += static_cast<std::int64_t>(page.Records());
  // When it is not clear that there is a next page, what was read is judged first.
  if (pages.empty() || !IsFollowed(pages.back(), next.listed)) return;
  next.first.page += static_cast<int>(pages.size());
  next.first.after = pages.back().last_key;
  next.most = most;
  ahead_ = std::make_unique<Ahead>(Ahead{next, std::async(std::launch::async, [this, next] { return ReadNow(next); })});
}

}  // namespace membridge::sync
