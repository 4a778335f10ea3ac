#pragma once

#include <cstddef>
#include <string>

#include "mappings/base/id.hpp"

namespace membridge::sync {

/// The longest user name, in bytes, that fits our indexes. A longer name is replaced by its hash, and no export is asked for.
inline constexpr std::size_t kLongestUser = 512;
/// Returns the replacement for a name that is too long.
std::string HashedUser(const std::string& user);

/// Returns the first digits of the SHA-256 of the name, which logs and messages show instead of the name.
std::string HashOfUser(const std::string& user);

/// Returns the id that stands for a user in the table of parked memories. No memory can have such an id.
MemoryId ParkedUser(const std::string& user);

}  // namespace membridge::sync
