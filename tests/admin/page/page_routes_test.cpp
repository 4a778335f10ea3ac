#include "admin/page/page_routes.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "admin/page/page_files.hpp"
#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

using receiver::http::Header;
using receiver::http::Reply;
using receiver::http::Request;
using receiver::http::Response;

const std::filesystem::path kFiles = MEMBRIDGE_SOURCE "/admin/page/files";

Response Get(const std::string& target, const std::string& if_none_match = {}, const std::string& accept_encoding = {}) {
  static const auto router = [] {
    receiver::http::Router made;
    AddPageRoutes(made);
    return made;
  }();
  Request request;
  request.method = "GET";
  request.target = target;
  if (!if_none_match.empty()) request.headers.push_back({"If-None-Match", if_none_match});
  if (!accept_encoding.empty()) request.headers.push_back({"Accept-Encoding", accept_encoding});
  Response answer;
  router(std::move(request), Reply{[&answer](Response response) { answer = std::move(response); }});
  return answer;
}

std::string HeaderOf(const Response& response, const std::string& name) {
  for (const Header& header : response.headers)
    if (header.name == name) return header.value;
  return {};
}

TEST_CASE("every file of the page is in the program, byte by byte, and nothing else", "[page]") {
  std::set<std::string> there;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kFiles))
    if (entry.is_regular_file()) there.insert(std::filesystem::relative(entry.path(), kFiles).string());
  std::set<std::string> built_in;
  for (const PageFile& file : PageFiles()) {
    CAPTURE(file.path);
    built_in.insert(std::string{file.path});
    std::ifstream stream{kFiles / file.path, std::ios::binary};
    CHECK(file.bytes == std::string{std::istreambuf_iterator<char>{stream}, {}});
  }
  CHECK(built_in == there);
}

TEST_CASE("files are served with their type, and with everything else forbidden", "[page]") {
  const auto [target, type] = GENERATE(table<std::string, std::string>({{"/", "text/html; charset=utf-8"},
                                                                        {"/page/main.js", "text/javascript; charset=utf-8"},
                                                                        {"/page/style/base.css", "text/css; charset=utf-8"},
                                                                        {"/page/icon.svg", "image/svg+xml"}}));
  CAPTURE(target);
  const Response answer = Get(target);
  CHECK(answer.status == 200);
  CHECK(answer.content_type == type);
  CHECK(HeaderOf(answer, "X-Content-Type-Options") == "nosniff");
  CHECK(HeaderOf(answer, "Cache-Control") == "no-cache");
  const std::string policy = HeaderOf(answer, "Content-Security-Policy");
  for (const std::string part : {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'none'"})
    CHECK(policy.find(part) != std::string::npos);
  CHECK(policy.find("unsafe") == std::string::npos);
}

TEST_CASE("files are compressed for those who say that they read it", "[page]") {
  const Response whole = Get("/page/main.js");
  CHECK(HeaderOf(whole, "Content-Encoding").empty());
  CHECK(HeaderOf(whole, "Vary") == "Accept-Encoding");
  const std::string accepted = GENERATE("gzip", "gzip, deflate, br, zstd", "br , gzip");
  CAPTURE(accepted);
  const Response smaller = Get("/page/main.js", {}, accepted);
  CHECK(HeaderOf(smaller, "Content-Encoding") == "gzip");
  CHECK(smaller.body.size() < whole.body.size());
  CHECK(smaller.body.substr(0, 2) == "\x1f\x8b");
  const std::string etag = HeaderOf(smaller, "ETag");
  CHECK(etag != HeaderOf(whole, "ETag"));
  CHECK(Get("/page/main.js", etag, accepted).status == 304);
  for (const char* other : {"br", "gzip;q=0", "x-gzip-not", "identity"})
    CHECK(HeaderOf(Get("/page/main.js", {}, other), "Content-Encoding").empty());
}

TEST_CASE("a file the browser still has is not sent again", "[page]") {
  const std::string etag = HeaderOf(Get("/page/main.js"), "ETag");
  REQUIRE(etag.size() == 34);
  const Response unchanged = Get("/page/main.js", "\"other\", W/" + etag);
  CHECK(unchanged.status == 304);
  CHECK(unchanged.body.empty());
  CHECK(HeaderOf(unchanged, "ETag") == etag);
  CHECK(Get("/page/main.js", "\"other\"").status == 200);
  CHECK(HeaderOf(Get("/page/api.js"), "ETag") != etag);
}

TEST_CASE("the page offers its own files only", "[page]") {
  for (const std::string target :
       {"/page/", "/page/index.html", "/page/nothing.js", "/page/../serve.cpp", "/page/views/../main.js"}) {
    CAPTURE(target);
    CHECK(Get(target).status == 404);
  }
}

}  // namespace
}  // namespace membridge::admin
