#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "sync/backfill/list_watch.hpp"

namespace membridge::sync {

/// How far a run of exports has come. The run's row keeps it as JSON; only this class knows the form.
struct ExportCursor {
  enum class Phase { kListing, kExporting, kWithdrawing, kOver };

  Phase phase = Phase::kListing;
  int page = 1;  ///< the page of the list of users to read next
  ListWatch list;
  std::string first_page, last_page;  ///< digests, which show that a list ignores `page`
  bool whole = false;                 ///< the list came to a reliable end
  std::string note;                   ///< for the operator: how it ended; may be empty

  nlohmann::json AsJson() const;
  static ExportCursor FromJson(const nlohmann::json& json);
};

}  // namespace membridge::sync
