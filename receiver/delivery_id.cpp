#include "receiver/delivery_id.hpp"

#include "mappings/base/uuid7.hpp"

namespace membridge::receiver {

DeliveryId MakeDeliveryId(Instant received_at) {
  return DeliveryId{mappings::Uuid7(received_at)};
}

}  // namespace membridge::receiver
