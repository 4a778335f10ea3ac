#include "receiver/http/router.hpp"

#include "receiver/health_routes.hpp"
#include "tests/support/catch.hpp"

using namespace membridge::receiver;
using namespace membridge::receiver::http;

namespace {

Response Ask(const Router& router, const std::string& method, const std::string& target) {
  Response answer;
  Request request;
  request.method = method;
  request.target = target;
  router(std::move(request), Reply{[&answer](Response response) { answer = std::move(response); }});
  return answer;
}

Route Named(const std::string& name) {
  return [name](Request&&, Parameters&& parameters, const Reply& reply) {
    std::string text = name;
    for (const std::string& parameter : parameters) text += "|" + parameter;
    reply.Send({.body = text});
  };
}

}  // namespace

TEST_CASE("paths find their routes, and parameters arrive decoded", "[router]") {
  Router router;
  router.Add("GET", "/", Named("root"));
  router.Add("GET", "/api/memories", Named("list"));
  router.Add("GET", "/api/memories/latest", Named("latest"));
  router.Add("GET", "/api/memories/{id}", Named("one"));
  router.Add("DELETE", "/api/memories/{id}", Named("drop"));
  router.Add("GET", "/page/{path...}", Named("page"));
  const auto [method, target, answer] = GENERATE(table<std::string, std::string, std::string>({
      {"GET", "/", "root"},
      {"HEAD", "/", "root"},
      {"GET", "/api/memories", "list"},
      {"GET", "/api/memories/latest", "latest"},
      {"GET", "/api/memories/m-1", "one|m-1"},
      {"GET", "/api/memories/a%2Fb%20c", "one|a/b c"},
      {"GET", "/api/memories/..", "one|.."},
      {"DELETE", "/api/memories/m-1", "drop|m-1"},
      {"GET", "/page/", "page|"},
      {"GET", "/page/css/a.css", "page|css/a.css"},
      {"GET", "/page//..//x", "page|/..//x"},
  }));
  CAPTURE(method, target);
  CHECK(Ask(router, method, target).status == 200);
  CHECK(Ask(router, method, target).body == answer);
}

TEST_CASE("what has no route is refused in the common form", "[router]") {
  Router router;
  router.Add("GET", "/api/memories/{id}", Named("one"));
  router.Add("DELETE", "/api/memories/{id}", Named("drop"));
  const auto [method, target, status] = GENERATE(table<std::string, std::string, int>({
      {"GET", "/", 404},
      {"GET", "*", 404},
      {"GET", "", 404},
      {"GET", "/api/memories", 404},
      {"GET", "/api/memories/", 404},
      {"GET", "/api/memories/m-1/", 404},
      {"GET", "/api//memories/m-1", 404},
      {"GET", "/API/memories/m-1", 404},
      {"GET", "/api/memories/x/../m-1", 404},
      {"PUT", "/api/memories/m-1", 405},
      {"get", "/api/memories/m-1", 405},
      {"GET", "/api/memories/%", 400},
      {"GET", "/api/memories/%4", 400},
      {"GET", "/api/memories/%zz", 400},
      {"GET", "/api/memories/a%00b", 400},
  }));
  CAPTURE(method, target);
  const Response answer = Ask(router, method, target);
  CHECK(answer.status == status);
  CHECK(answer.body.starts_with(R"({"code":")"));
  if (status == 405) {
    CHECK(answer.headers.at(0).name == "Allow");
    CHECK(answer.headers.at(0).value == "DELETE, GET, HEAD");
  }
}

TEST_CASE("a path of forty thousand slashes finds nothing, at once", "[router]") {
  Router router;
  router.Add("POST", "/webhooks/{project}/{token}", Named("hook"));
  router.Add("GET", "/{a}/{b}/{rest...}", Named("rest"));
  CHECK(Ask(router, "POST", std::string(40'000, '/')).status == 404);
  CHECK(Ask(router, "POST", "/webhooks/" + std::string(40'000, '/')).status == 404);
}

TEST_CASE("values of a query are found and decoded", "[router]") {
  CHECK(QueryValue("a=1&b=2", "b") == "2");
  CHECK(QueryValue("a=x%20y+z&a=2", "a") == "x y z");
  CHECK(QueryValue("a", "a") == "");
  CHECK(QueryValue("a=", "a") == "");
  CHECK(QueryValue("%61=1", "a") == "1");
  CHECK(QueryValue("&&b=1&", "b") == "1");
  CHECK(QueryValue("ab=1", "a") == std::nullopt);
  CHECK(QueryValue("a=%", "a") == std::nullopt);
  CHECK(QueryValue("", "a") == std::nullopt);
}

TEST_CASE("health is answered here, the rest by whoever knows", "[router]") {
  Router router;
  AddHealthRoutes(router, {.ready = [](const Reply& reply) { reply.Send(Refusal(503, "unavailable", "no database")); },
                           .metrics = [](const Reply& reply) { reply.Send({.content_type = "text/plain", .body = "m 1\n"}); }});
  CHECK(Ask(router, "GET", "/healthz").status == 200);
  CHECK(Ask(router, "GET", "/readyz").status == 503);
  CHECK(Ask(router, "GET", "/metrics").body == "m 1\n");
  CHECK(Ask(router, "POST", "/healthz").status == 405);
}

TEST_CASE("a forgiving pattern counts several slashes as one, and one at the end as none", "[R2][router]") {
  const PathPattern pattern{"/a/{x}/b", Slashes::kForgiving};
  const std::string path = GENERATE("/a/1/b", "/a/1/b/", "//a//1//b//", "/a/1/b///", "///a/1/b");
  CAPTURE(path);
  const auto found = pattern.Match(path);
  REQUIRE(found);
  CHECK(*found == std::vector<std::string_view>{"1"});
  for (const char* other : {"", "/", "//", "a/1/b", "/a/b", "/a//b", "/a/1/b/c", "/a/1/bb", "/a/1"}) {
    CAPTURE(other);
    CHECK_FALSE(pattern.Match(other));
  }
  CHECK_FALSE(PathPattern{"/a/{x}/b"}.Match("/a/1/b/"));
}

TEST_CASE("a route may refuse by the header, and what goes nowhere is refused by it", "[R1][router]") {
  Router router;
  int refused = 0;
  router.OnRefused([&](std::string_view) { ++refused; });
  router.Add("GET", "/open", Named("open"));
  router.Add("POST", PathPattern{"/closed/{who}"}, Named("closed"), [](const Request&, Parameters&& parameters) -> HeadVerdict {
    if (parameters[0] == "friend") return {.proven = true};
    return {.refusal = Refusal(401, "unauthorized", "no")};
  });
  const auto check = [&](const std::string& method, const std::string& target) {
    Request head;
    head.method = method;
    head.target = target;
    return router.CheckHead(head);
  };
  CHECK_FALSE(check("GET", "/open").refusal);
  CHECK_FALSE(check("GET", "/open").proven);
  CHECK(check("POST", "/closed/friend").proven);
  CHECK(check("POST", "/closed/stranger").refusal->status == 401);
  CHECK(refused == 0);
  CHECK(check("POST", "/open").refusal->status == 405);
  CHECK(check("POST", "/nowhere").refusal->status == 404);
  CHECK(check("POST", "/closed/%").refusal->status == 400);
  CHECK(refused == 3);
}
