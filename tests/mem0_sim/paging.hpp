#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "tests/mem0_sim/exchange.hpp"
#include "tests/mem0_sim/project.hpp"

namespace membridge::mem0_sim {

/// Which page is asked for. Pages count from 1; too large a size is cut to the largest, as Django does.
struct PageAsk {
  std::size_t page = 1;
  std::size_t size = 100;
  bool valid = true;  ///< false: the page number is none
};

/// `page` and `size_name` from the query, else from the body.
PageAsk PageOf(const Call& call, const char* size_name, std::size_t usual_size, std::size_t largest_size);

/// `{"count","next","previous","results":[…],…}`, or 404 `Invalid page.` past the end. `append` writes the item at a place, as
/// JSON text; `behind` is put behind, as in `,"total_users":3`. `relative` forces links without a host, as the operation log has.
Answer Paged(const Project& project, const Call& call, const PageAsk& ask, const char* size_name, std::size_t count,
             const std::function<void(std::string&, std::size_t)>& append, bool relative = false, const std::string& behind = {});

}  // namespace membridge::mem0_sim
