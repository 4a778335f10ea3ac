#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "receiver/content_coding.hpp"

// Any bytes as a body with a content coding; the first one chooses the coding and how much it may become. Never more comes out
// than is allowed, and an uncoded body comes out as it went in.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace membridge::receiver;
  if (size < 1) return 0;
  const std::string body{reinterpret_cast<const char*>(data) + 1, size - 1};
  const std::size_t most = std::size_t{16} << (data[0] >> 4);
  std::vector<std::string> codings;
  if ((data[0] & 1) != 0) codings.emplace_back("gzip");
  if ((data[0] & 2) != 0) codings.emplace_back("deflate");
  const auto plain = Decode(body, codings, most);
  if (codings.empty() && plain != body) std::abort();
  if (!codings.empty() && plain && plain->size() > most) std::abort();
  if (!plain && plain.error() == CodingProblem::kUnknown) std::abort();
  return 0;
}
