#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

namespace membridge::sync {

/// What one page of a list held.
struct ListedPage {
  std::size_t records = 0;            ///< everything on it
  std::size_t fresh = 0;              ///< of these, the ones that no earlier page had
  std::optional<std::int64_t> count;  ///< of all pages, as Mem0 says
  bool linked = false;                ///< there is a link to a next page
  bool past_end = false;              ///< there is no such page
};

/// Decides after every page of a list at Mem0 whether to ask for another one.
///
/// Links and counts are not reliable: some lists ignore `page`, give a link on the last page or none on the first, have empty
/// pages in between, or count records that they do not show. A list ends when Mem0 says that there is no such page, or when
/// neither link nor count promises more. It is given up when several pages in a row bring nothing new, or when it goes on far
/// beyond its count. So the list's content bounds the number of calls.
class ListWatch {
 public:
  enum class Verdict {
    kMore,       ///< ask for the next page
    kEnd,        ///< that was all
    kRepeats,    ///< given up: pages repeat earlier records
    kHollow,     ///< given up: pages are empty
    kNeverEnds,  ///< given up: far more pages than its count needs
  };

  Verdict See(const ListedPage& page);

  int Pages() const { return pages_; }
  /// Different records so far.
  std::int64_t Listed() const { return listed_; }
  /// The count of the first page that had one.
  std::optional<std::int64_t> Count() const { return count_; }
  /// Whether a later page counted less than one before it.
  bool Shrank() const { return shrank_; }

  nlohmann::json AsJson() const;
  /// Reads what AsJson() wrote; anything else gives a new watch.
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
