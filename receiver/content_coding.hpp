#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "receiver/http/message.hpp"

namespace membridge::receiver {

/// Why a coded body cannot be read.
enum class CodingProblem {
  kUnknown,   ///< a coding that is not supported, or more than kMostCodings
  kBroken,    ///< not in the coding of the header: cut off, damaged, or followed by other bytes
  kTooLarge,  ///< larger than allowed once it is decoded
};

/// The most codings that a sender may apply to one body.
inline constexpr std::size_t kMostCodings = 2;
/// The supported codings, as the value for `Accept-Encoding`.
inline constexpr const char* kReadCodings = "gzip, deflate, identity";

/// Reads `Content-Encoding` (RFC 9110 section 8.4): returns the codings in the order in which the sender applied them. They are
/// `gzip` (also `x-gzip`) and `deflate`; `identity` is left out. kUnknown for any other. Thread-safe.
tl::expected<std::vector<std::string>, CodingProblem> CodingsOf(const http::Request& request);

/// Decodes the body. `deflate` may be in zlib format, or in the raw format that some senders use by mistake; `gzip` may have
/// several members. Never produces more than `most` bytes: a larger result is kTooLarge. Thread-safe.
tl::expected<std::string, CodingProblem> Decode(std::string body, const std::vector<std::string>& codings, std::size_t most);

}  // namespace membridge::receiver
