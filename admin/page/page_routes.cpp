#include "admin/page/page_routes.hpp"

#include <zlib.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "admin/page/page_files.hpp"
#include "mappings/base/digest.hpp"

namespace membridge::admin {
namespace {

using receiver::http::Header;
using receiver::http::Reply;
using receiver::http::Request;
using receiver::http::Response;

constexpr const char* kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// An answer that is always the same, made once.
struct Ready {
  Response whole;
  std::string etag;
  std::optional<std::string> gzipped{};  ///< the compressed body, when it is smaller
};

/// Compresses a file of the page. This cannot reveal a secret, because the files are the same for everybody. Answers of the API
/// are not compressed.
std::string Gzip(std::string_view bytes) {
  constexpr int kWindowOfGzip = 15 + 16;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kWindowOfGzip, 9, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("the page cannot be compressed");
  std::string input{bytes};
  std::string output(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(output.data());
  stream.avail_out = static_cast<uInt>(output.size());
  const int ended = deflate(&stream, Z_FINISH);
  output.resize(stream.total_out);
  deflateEnd(&stream);
  if (ended != Z_STREAM_END) throw std::runtime_error("the page cannot be compressed");
  return output;
}

/// Whether a client with this Accept-Encoding accepts gzip. Unusual spellings count as no.
bool TakesGzip(std::string_view accepted) {
  while (!accepted.empty()) {
    const std::size_t comma = accepted.find(',');
    std::string_view one = accepted.substr(0, comma);
    accepted = comma == std::string_view::npos ? std::string_view{} : accepted.substr(comma + 1);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    if (one == "gzip") return true;
  }
  return false;
}

Ready Prepare(const PageFile& file) {
  Ready ready;
  ready.etag = '"' + mappings::Sha256Hex(file.bytes).substr(0, 32) + '"';
  ready.whole.content_type = file.content_type;
  ready.whole.body = file.bytes;
  ready.whole.headers = {{"ETag", ready.etag},
                         {"Cache-Control", "no-cache"},
                         {"Content-Security-Policy", kContentSecurityPolicy},
                         {"Vary", "Accept-Encoding"},
                         {"X-Content-Type-Options", "nosniff"},
                         {"Referrer-Policy", "no-referrer"},
                         {"Cross-Origin-Opener-Policy", "same-origin"},
                         {"Cross-Origin-Resource-Policy", "same-origin"}};
  if (std::string gzipped = Gzip(file.bytes); gzipped.size() < file.bytes.size()) ready.gzipped = std::move(gzipped);
  return ready;
}

Response Gzipped(const Ready& ready) {
  Response smaller = ready.whole;
  smaller.body = *ready.gzipped;
  // The compressed bytes are different, so they need another tag. Both tags begin with that of the file.
  for (Header& header : smaller.headers) {
    if (header.name == "ETag") header.value.insert(header.value.size() - 1, "-gzip");
  }
  smaller.headers.push_back({"Content-Encoding", "gzip"});
  return smaller;
}

void Answer(const Ready& ready, const Request& request, const Reply& reply) {
  const auto known = request.Find("If-None-Match");
  const bool is_known = known && known->find(ready.etag.substr(0, ready.etag.size() - 1)) != std::string::npos;
  const auto accepted = request.Find("Accept-Encoding");
  if (!is_known && ready.gzipped && accepted && TakesGzip(*accepted)) return reply.Send(Gzipped(ready));
  if (!is_known) return reply.Send(ready.whole);
  Response unchanged{.status = 304, .content_type = {}};
  unchanged.headers = ready.whole.headers;
  reply.Send(std::move(unchanged));
}

}  // namespace

void AddPageRoutes(receiver::http::Router& router) {
  for (const PageFile& file : PageFiles()) {
    const std::string path{file.path};
    router.Add("GET", path == "index.html" ? "/" : "/page/" + path,
               [ready = Prepare(file)](Request&& request, auto&&, const Reply& reply) { Answer(ready, request, reply); });
  }
}

}  // namespace membridge::admin
