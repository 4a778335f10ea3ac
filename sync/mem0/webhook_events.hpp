#pragma once

#include <string>
#include <vector>

namespace membridge::sync::mem0 {

/// The event types that a Mem0 webhook can subscribe to, as its API spells them. The first four are about memories.
const std::vector<std::string>& KnownWebhookEvents();

}  // namespace membridge::sync::mem0
