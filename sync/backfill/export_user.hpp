#pragma once

#include <cstddef>
#include <string>

#include "mappings/base/id.hpp"

namespace membridge::sync {

/// A longer name does not fit our indexes. It stands for itself by its hash, and no export is asked for.
inline constexpr std::size_t kLongestUser = 512;
/// The name that stands for one that is too long.
std::string HashedUser(const std::string& user);

/// How a user is named where people's names have no business, as in logs: the first digits of the name's SHA-256.
std::string HashOfUser(const std::string& user);

/// What a user's name is in the table of parked memories: no memory can have such an id.
MemoryId ParkedUser(const std::string& user);

}  // namespace membridge::sync
