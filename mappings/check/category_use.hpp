#pragma once

#include <string>
#include <vector>

#include "mappings/base/diagnostic.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// A category that a mapping asks for by name: `$memory.categories | has('support')`.
struct CategoryUse {
  std::string category;
  Place place;  ///< of the function
};

/// Returns every category that the mapping compares a memory's categories with, in the file's order. Names that are computed are
/// left out.
std::vector<CategoryUse> CategoriesIn(const Mapping& mapping);

}  // namespace membridge::mappings
