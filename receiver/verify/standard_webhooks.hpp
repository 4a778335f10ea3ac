#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "receiver/verify/verifier.hpp"

namespace membridge::receiver {

/// Scheme `standard-webhooks` (standardwebhooks.com): headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, or the
/// same three with `svix-`. Where implementations differ, this one is strict: each header exactly once, the timestamp in
/// canonical digits, signatures compared as text (v1) or decoded strictly (v1a), the body as raw bytes. In the list of
/// signatures, an item without a comma or of an unknown version is skipped. One match is enough, and at most sixteen items are
/// checked. `secrets`: `whsec_` and base64 of 24 to 64 bytes (the prefix may be missing), or `whpk_` and base64 of an Ed25519
/// public key; one must match. kRefused: a secret cannot be used; the message says which one, without quoting it. The same id
/// with the same body is a replay, even with another time, for as long as its time is accepted.
Result<std::shared_ptr<const Verifier>> MakeStandardWebhooks(const std::vector<std::string>& secrets,
                                                             std::chrono::seconds tolerance = std::chrono::minutes{5});

}  // namespace membridge::receiver
