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

/// Returns the HMAC as raw bytes. `secret` must not be empty.
std::string Hmac(HashAlgorithm algorithm, std::string_view secret, std::string_view signed_bytes);

/// Whether the Ed25519 signature over these bytes was made with the private key of `key`. `key` has 32 raw bytes, `signature` 64.
bool VerifyEd25519(std::string_view key, std::string_view signature, std::string_view signed_bytes);

/// Compares in a time that depends on the lengths only.
bool EqualsInConstantTime(std::string_view left, std::string_view right);

/// How long a replay key is kept after its time has expired, because clocks differ.
inline constexpr std::chrono::minutes kReplaySlack{1};

/// Returns the key of a request for replay detection. Each part is hashed with its length, so that different parts never give the
/// same input.
std::string ReplayKey(std::initializer_list<std::string_view> parts);

/// Returns the value of a header that must be present exactly once; else nothing. With two of them, other software could use the
/// other one.
std::optional<std::string> OnlyHeader(const http::Request& request, std::string_view name);

/// Reads whole seconds since 1970 in canonical form: only digits, no leading zero, at most eleven digits. Returns nothing for any
/// other text.
std::optional<Instant> ReadUnixSeconds(std::string_view text);

/// Whether `then` is at most `tolerance` before or after `now`; both are compared as whole seconds, and a difference of exactly
/// `tolerance` is accepted.
bool IsRecent(Instant then, Instant now, std::chrono::seconds tolerance);

}  // namespace membridge::receiver
