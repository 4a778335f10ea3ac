#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

namespace membridge::sync {

/// What a page brought.
struct ListedPage {
  std::size_t records = 0;            ///< everything on it
  std::size_t fresh = 0;              ///< of these, what no page before it had
  std::optional<std::int64_t> count;  ///< of all pages, as Mem0 says
  bool linked = false;                ///< there is a link to a next page
  bool past_end = false;              ///< there is no such page
};

/// Judges after every page of a list at Mem0 whether to ask for another one.
///
/// Neither links nor counts are to be relied upon: lists were seen that ignore `page`, give a link on the last page or none on
/// the first, have empty pages in between, and count what they do not show. A list is at its end when Mem0 says that there is no
/// such page, or when neither link nor count speaks of more. It is given up when page after page brings nothing new, or when it
/// goes on far beyond its count. So a list costs a number of calls that its own content bounds.
class ListWatch {
 public:
  enum class Verdict {
    kMore,       ///< ask for the next page
    kEnd,        ///< that was all
    kRepeats,    ///< given up: pages show again what was shown
    kHollow,     ///< given up: pages are empty
    kNeverEnds,  ///< given up: far more pages than its count speaks of
  };

  Verdict See(const ListedPage& page);

  int Pages() const { return pages_; }
  /// Different records so far.
  std::int64_t Listed() const { return listed_; }
  /// What the first page that had a count said.
  std::optional<std::int64_t> Count() const { return count_; }
  /// Whether a later page counted less than one before it.
  bool Shrank() const { return shrank_; }

  nlohmann::json AsJson() const;
  /// The watch that AsJson wrote; a new one of anything else.
  static ListWatch FromJson(const nlohmann::json& json);

 private:
  int pages_ = 0;
  int stale_ = 0;  // pages in a row that brought nothing new
  std::int64_t listed_ = 0;
  std::int64_t page_size_ = 0;  // the largest page seen
  std::optional<std::int64_t> count_, last_count_;
  bool shrank_ = false;
};

/// Why a list was given up, as the end of a sentence about it.
const char* Describe(ListWatch::Verdict verdict);

}  // namespace membridge::sync
