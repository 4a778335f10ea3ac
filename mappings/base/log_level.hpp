#pragma once

#include "mappings/base/log.hpp"

namespace membridge {

/// Leaves out lines of lower levels from now on. Without this call all lines are written. Thread-safe.
void LogFrom(LogLevel least);

}  // namespace membridge
