#pragma once

#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "mappings/base/time.hpp"
#include "receiver/http/message.hpp"

namespace membridge::receiver {

enum class HashAlgorithm { kSha1, kSha256, kSha512 };

/// The raw HMAC. `secret` is not empty.
std::string Hmac(HashAlgorithm algorithm, std::string_view secret, std::string_view signed_bytes);

/// Whether an Ed25519 signature is `key`'s over those bytes. Key: 32 raw bytes; signature: 64.
bool VerifyEd25519(std::string_view key, std::string_view signature, std::string_view signed_bytes);

/// In a time that depends on the lengths only.
bool EqualsInConstantTime(std::string_view left, std::string_view right);

/// How much longer a replay is remembered than its time lets it in: clocks differ.
inline constexpr std::chrono::minutes kReplaySlack{1};

/// What a replay is known by, over parts none of which can pass for another's beginning: each counts with its length.
std::string ReplayKey(std::initializer_list<std::string_view> parts);

/// The value of a header that must be there exactly once: two could be read one way here and another way elsewhere.
std::optional<std::string> OnlyHeader(const http::Request& request, std::string_view name);

/// Reads whole seconds since 1970 written the one canonical way: digits only, no leading zero, at most eleven.
std::optional<Instant> ReadUnixSeconds(std::string_view text);

/// Whether `then` is at most `tolerance` before or after `now`; both count as whole seconds, so exactly the tolerance still
/// passes.
bool IsRecent(Instant then, Instant now, std::chrono::seconds tolerance);

}  // namespace membridge::receiver
