#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"

namespace membridge::sync::mem0 {

/// Which memories a list or an export is about. It always begins with whose they are, because Mem0 refuses a filter without that,
/// and what is added narrows it. The document is always one AND of one-key conditions, so nothing can stand beside an OR, where
/// Mem0 would silently drop it.
class Filter {
 public:
  /// Every memory of the project. Four conditions, since `user_id: "*"` alone skips memories of agents and apps.
  static Filter Everything();
  /// One user's. Throws std::invalid_argument unless NamesOneEntity(user).
  static Filter OfUser(const std::string& user);

  Filter& Among(const std::vector<MemoryId>& memories);
  Filter& UpdatedFrom(Instant first);  ///< inclusive
  Filter& UpdatedBefore(Instant end);  ///< exclusive
  Filter& CreatedFrom(Instant first);  ///< inclusive
  Filter& CreatedBefore(Instant end);  ///< exclusive

  /// `{"AND":[…]}`, the only form that lists and exports both take.
  nlohmann::json Document() const;

 private:
  explicit Filter(nlohmann::json whose);
  nlohmann::json conditions_ = nlohmann::json::array();
};

/// Whether an entity's name can be asked for by itself: Mem0 reads `*` as "any", so a user of that name would be everybody.
bool NamesOneEntity(const std::string& name);

}  // namespace membridge::sync::mem0
