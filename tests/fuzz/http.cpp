#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "receiver/http/request_parser.hpp"

namespace {

using namespace membridge::receiver::http;

const Limits kLimits{.max_body_bytes = 200, .max_header_bytes = 300};

/// What a client that sent these bytes got said: its requests, and whether it was refused in the end.
struct Reading {
  std::vector<Request> requests;
  bool refused = false;
};

void CheckRequest(const Request& request) {
  if (request.body.size() > kLimits.max_body_bytes) std::abort();
  if (request.target != "*" && !request.target.starts_with('/')) std::abort();
  std::size_t header_bytes = request.target.size();
  for (const Header& header : request.headers) {
    header_bytes += header.name.size() + header.value.size();
    if (header.name.empty() || header.value.find_first_of(std::string{"\r\n\0", 3}) != std::string::npos) std::abort();
  }
  if (header_bytes > kLimits.max_header_bytes) std::abort();
}

/// Feeds the bytes as a connection does, in pieces whose lengths `seed` chooses; 0 is everything at once.
Reading Read(std::string_view bytes, unsigned seed) {
  RequestParser parser{kLimits};
  Reading reading;
  std::string waiting;
  while (!bytes.empty()) {
    seed = seed * 1103515245 + (seed == 0 ? 0 : 12345);
    const std::size_t piece = seed == 0 ? bytes.size() : 1 + (seed >> 16) % 9;
    waiting += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (!waiting.empty()) {
      waiting.erase(0, parser.Feed(waiting));
      parser.TakeContinue();
      // What a check of the header sees: everything but the body.
      if (parser.phase() == RequestParser::Phase::kBody) CheckRequest(parser.Head());
      if (parser.phase() == RequestParser::Phase::kFailed) {
        const int status = parser.TakeFailure().status;
        if (status < 400 || status > 505) std::abort();
        reading.refused = true;
        return reading;
      }
      if (parser.phase() != RequestParser::Phase::kComplete) break;
      reading.requests.push_back(parser.Take());
    }
  }
  return reading;
}

bool Same(const Request& one, const Request& other) {
  if (one.method != other.method || one.target != other.target || one.query != other.query || one.body != other.body)
    return false;
  if (one.headers.size() != other.headers.size()) return false;
  for (std::size_t i = 0; i < one.headers.size(); ++i) {
    if (one.headers[i].name != other.headers[i].name || one.headers[i].value != other.headers[i].value) return false;
  }
  return true;
}

}  // namespace

// Any bytes as what a client sends; the first one chooses where it is split. However it is split, the same requests come out,
// each within the limits. A refusal may come sooner or later, for some limits are seen only when a piece is long enough.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  const Reading whole = Read(bytes, 0);
  const Reading split = Read(bytes, data[0] + 1u);
  for (const Request& request : whole.requests) CheckRequest(request);
  for (const Request& request : split.requests) CheckRequest(request);
  if (!whole.refused && !split.refused && whole.requests.size() != split.requests.size()) std::abort();
  for (std::size_t i = 0; i < std::min(whole.requests.size(), split.requests.size()); ++i) {
    if (!Same(whole.requests[i], split.requests[i])) std::abort();
  }
  return 0;
}
