#pragma once

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"

namespace membridge::receiver {

/// A UUIDv7 in lower case: milliseconds, then the fraction of the millisecond, then 62 random bits; ids sort by arrival to the
/// quarter of a microsecond. Throws std::runtime_error when the machine has no randomness.
DeliveryId MakeDeliveryId(Instant received_at);

}  // namespace membridge::receiver
