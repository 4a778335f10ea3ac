#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "sync/backfill/list_watch.hpp"

namespace membridge::sync {

/// Where a run of exports stands. It is kept with the run as JSON; only this class knows how it is written there.
struct ExportCursor {
  enum class Phase { kListing, kExporting, kWithdrawing, kOver };

  Phase phase = Phase::kListing;
  int page = 1;  ///< of the list of users, to be read next
  ListWatch list;
  std::string first_page, last_page;  ///< digests: a list that ignores `page` is known by them
  bool whole = false;                 ///< the list came to an end that can be relied upon
  std::string note;                   ///< what a person is to know of how it ended; may be empty

  nlohmann::json AsJson() const;
  static ExportCursor FromJson(const nlohmann::json& json);
};

}  // namespace membridge::sync
