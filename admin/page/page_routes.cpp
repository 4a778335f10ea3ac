#include "admin/page/page_routes.hpp"

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

/// An answer that is the same every time, made once.
struct Ready {
  Response whole;
  std::string etag;
};

Ready Prepare(const PageFile& file) {
  Ready ready;
  ready.etag = '"' + mappings::Sha256Hex(file.bytes).substr(0, 32) + '"';
  ready.whole.content_type = file.content_type;
  ready.whole.body = file.bytes;
  ready.whole.headers = {{"ETag", ready.etag},
                         {"Cache-Control", "no-cache"},
                         {"Content-Security-Policy", kContentSecurityPolicy},
                         {"X-Content-Type-Options", "nosniff"},
                         {"Referrer-Policy", "no-referrer"},
                         {"Cross-Origin-Opener-Policy", "same-origin"},
                         {"Cross-Origin-Resource-Policy", "same-origin"}};
  return ready;
}

void Answer(const Ready& ready, const Request& request, const Reply& reply) {
  const auto known = request.Find("If-None-Match");
  if (!known || known->find(ready.etag) == std::string::npos) return reply.Send(ready.whole);
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
