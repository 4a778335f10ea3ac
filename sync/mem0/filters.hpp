#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"

namespace membridge::sync::mem0 {

/// Selects the memories of a list or an export. It always begins with their owner, because Mem0 refuses a filter without one;
/// each further condition narrows it. The document is always one AND of one-key conditions, because Mem0 silently drops
/// conditions beside an OR.
class Filter {
 public:
  /// Every memory of the project. Four conditions, since `user_id: "*"` alone skips memories of agents and apps.
  static Filter Everything();
  /// The memories of one user. Throws std::invalid_argument unless NamesOneEntity(user).
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

/// Whether an entity's name selects that entity alone. Mem0 reads `*` as "any", so a user of that name would select all users.
bool NamesOneEntity(const std::string& name);

}  // namespace membridge::sync::mem0
