#pragma once

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"

namespace membridge::receiver {

/// Makes a UUIDv7 in lower case: milliseconds, then the fraction of the millisecond, then 62 random bits. Ids sort by arrival, to
/// a quarter of a microsecond. Throws std::runtime_error when the random generator fails. Thread-safe.
DeliveryId MakeDeliveryId(Instant received_at);

}  // namespace membridge::receiver
