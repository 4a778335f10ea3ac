#pragma once

#include <chrono>
#include <cstdint>

namespace membridge::sync {

struct ExportingOptions {
  std::chrono::seconds lease{60};
  int page_size = 100;                       ///< users per page of the list
  std::int64_t at_once = 4;                  ///< exports under way at Mem0 at a time
  std::chrono::milliseconds poll_base{500};  ///< the first wait before asking whether an export is ready; doubles
  std::chrono::milliseconds poll_cap{15'000};
  std::chrono::seconds deadline = std::chrono::minutes{10};  ///< an export that is not ready by then has failed
  std::chrono::seconds kept = std::chrono::days{7};          ///< how long Mem0 keeps an export
  std::int64_t vanishing_at_least = 20;                      ///< the guard: this many users may be gone at once,
  double vanishing_share = 0.1;                              ///< or this share of all, if that is more
};

}  // namespace membridge::sync
