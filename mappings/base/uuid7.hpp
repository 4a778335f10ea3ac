#pragma once

#include <string>

#include "mappings/base/time.hpp"

namespace membridge::mappings {

/// Makes a UUIDv7 in lower case: milliseconds, then the fraction of the millisecond, then 62 random bits. Texts sort by `time`,
/// to a quarter of a microsecond. Throws std::runtime_error when the random generator fails. Thread-safe.
std::string Uuid7(Instant time);

}  // namespace membridge::mappings
