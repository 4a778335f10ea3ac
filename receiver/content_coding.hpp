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
  kUnknown,   ///< a coding that is not read here, or more than kMostCodings
  kBroken,    ///< not what the header says: cut off, damaged, or followed by something else
  kTooLarge,  ///< larger than allowed once it is decoded
};

/// The codings a sender may have put on top of each other.
inline constexpr std::size_t kMostCodings = 2;
/// What is read: the value for `Accept-Encoding`.
inline constexpr const char* kReadCodings = "gzip, deflate, identity";

/// The codings of a request's body in the order the sender applied them, by `Content-Encoding` (RFC 9110 section 8.4): `gzip`
/// (`x-gzip`) and `deflate`, without `identity`. kUnknown for any other.
tl::expected<std::vector<std::string>, CodingProblem> CodingsOf(const http::Request& request);

/// The body without those codings. `deflate` is the zlib format, or the bare one that some senders mistake for it; `gzip` may
/// have several members. Never makes more than `most` bytes, whatever the input would become.
tl::expected<std::string, CodingProblem> Decode(std::string body, const std::vector<std::string>& codings, std::size_t most);

}  // namespace membridge::receiver
