#include "receiver/content_coding.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/algorithm/string/trim.hpp>
#include <limits>
#include <new>
#include <optional>

namespace membridge::receiver {
namespace {

constexpr std::size_t kInflateStep = 16 * 1024;
// Values for zlib's windowBits: the largest window, and the format around the data.
constexpr int kZlibFormat = MAX_WBITS;
constexpr int kGzipFormat = MAX_WBITS + 16;
constexpr int kBareFormat = -MAX_WBITS;

std::optional<std::string> KnownCoding(std::string_view name) {
  if (http::EqualsIgnoringCase(name, "gzip") || http::EqualsIgnoringCase(name, "x-gzip")) return "gzip";
  if (http::EqualsIgnoringCase(name, "deflate")) return "deflate";
  return std::nullopt;
}

/// Whether the body begins with a zlib header. By RFC 1950 its two bytes name the method and contain a check value.
bool HasZlibHeader(std::string_view body) {
  if (body.size() < 2) return false;
  const auto first = static_cast<unsigned char>(body[0]);
  const auto second = static_cast<unsigned char>(body[1]);
  return (first & 0x0f) == Z_DEFLATED && (first * 256u + second) % 31 == 0;
}

/// Owns one z_stream and ends it.
class Inflater {
 public:
  explicit Inflater(int format) {
    if (inflateInit2(&stream_, format) != Z_OK) throw std::bad_alloc{};
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  tl::expected<std::string, CodingProblem> Run(std::string& body, bool may_have_members, std::size_t most) {
    stream_.next_in = reinterpret_cast<Bytef*>(body.data());
    stream_.avail_in = static_cast<uInt>(body.size());
    std::string plain;
    for (;;) {
      const int state = Step(plain);
      if (plain.size() > most) return tl::unexpected(CodingProblem::kTooLarge);
      if (state == Z_STREAM_END && stream_.avail_in == 0) return plain;
      if (state == Z_STREAM_END && may_have_members && inflateReset(&stream_) == Z_OK) continue;
      // No progress means that the input was cut off. Nothing may follow the end of the data.
      if (state != Z_OK) return tl::unexpected(CodingProblem::kBroken);
    }
  }

 private:
  int Step(std::string& plain) {
    std::array<char, kInflateStep> bytes;
    stream_.next_out = reinterpret_cast<Bytef*>(bytes.data());
    stream_.avail_out = static_cast<uInt>(bytes.size());
    const int state = inflate(&stream_, Z_NO_FLUSH);
    plain.append(bytes.data(), bytes.size() - stream_.avail_out);
    return state;
  }

  z_stream stream_{};
};

tl::expected<std::string, CodingProblem> InflateDeflate(std::string& body, std::size_t most) {
  if (HasZlibHeader(body)) {
    auto plain = Inflater{kZlibFormat}.Run(body, false, most);
    // Raw data can look as if it had a zlib header.
    if (plain || plain.error() != CodingProblem::kBroken) return plain;
  }
  return Inflater{kBareFormat}.Run(body, false, most);
}

}  // namespace

tl::expected<std::vector<std::string>, CodingProblem> CodingsOf(const http::Request& request) {
  std::vector<std::string> codings;
  for (const http::Header& header : request.headers) {
    if (!http::EqualsIgnoringCase(header.name, "Content-Encoding")) continue;
    std::vector<std::string> names;
    boost::algorithm::split(names, header.value, boost::algorithm::is_any_of(","));
    for (std::string& name : names) {
      boost::algorithm::trim_if(name, boost::algorithm::is_any_of(" \t"));
      if (name.empty() || http::EqualsIgnoringCase(name, "identity")) continue;
      auto known = KnownCoding(name);
      if (!known || codings.size() == kMostCodings) return tl::unexpected(CodingProblem::kUnknown);
      codings.push_back(std::move(*known));
    }
  }
  return codings;
}

tl::expected<std::string, CodingProblem> Decode(std::string body, const std::vector<std::string>& codings, std::size_t most) {
  if (body.size() > std::numeric_limits<uInt>::max()) return tl::unexpected(CodingProblem::kTooLarge);
  for (auto coding = codings.rbegin(); coding != codings.rend(); ++coding) {
    auto plain = *coding == "gzip" ? Inflater{kGzipFormat}.Run(body, true, most) : InflateDeflate(body, most);
    if (!plain) return plain;
    body = std::move(*plain);
  }
  return body;
}

}  // namespace membridge::receiver
