#pragma once

#include "mappings/base/log.hpp"

namespace membridge {

/// From now on lines of a lower level are left out. Everything is written until somebody says so. Thread-safe.
void LogFrom(LogLevel least);

}  // namespace membridge
