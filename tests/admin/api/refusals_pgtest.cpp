// What the admin API refuses, with which code, and what it writes down of the attempt.
#include "admin/access/admin_tokens.hpp"
#include "tests/admin/api/api_world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"

using namespace membridge;
using nlohmann::json;
using test::ApiWorld;

namespace {

const std::string kBearer = "Authorization: Bearer ";
const std::string kJson = "Content-Type: application/json";

std::int64_t Entries(const ApiWorld& world) {
  return world.db.Count("membridge.audit");
}

}  // namespace

TEST_CASE("nobody without a right token is told anything but 401", "[api][pg][sim]") {
  ApiWorld world;
  for (const char* path :
       {"/api/v1/session", "/api/v1/nothing", "/api/v1/", "/api/v1/openapi.json", "/api/v1/deliveries/x/y/z"}) {
    for (const char* method : {"GET", "POST", "DELETE"}) {
      CAPTURE(path, method);
      const auto answer = world.Raw(method, path, "", {});
      CHECK(answer.status == 401);
      CHECK(answer.body["code"] == "unauthorized");
      CHECK(answer.headers.at("www-authenticate") == "Bearer realm=\"membridge\"");
    }
  }
  CHECK(Entries(world) == 0);
  for (const std::string header :
       {"Authorization: Basic YWRhOmFkYQ==", "Authorization: Bearer", "Authorization: Bearer  ", "X-Token: x"}) {
    CAPTURE(header);
    CHECK(world.Raw("GET", "/api/v1/session", "", {header}).status == 401);
  }
  CHECK(world.Raw("GET", "/api/v1/nothing", "", {kBearer + "wrong-token-wrong-token"}).status == 401);
}

TEST_CASE("a failed login is written down, without the token that was tried", "[api][pg][sim]") {
  ApiWorld world;
  CHECK(world.Call("GET", "/session", nullptr, "guessed-token-guessed-token").status == 401);
  const json entry = world.Audit()[0];
  CHECK(entry["actor"] == "anonymous");
  CHECK(entry["action"] == "login");
  CHECK(entry["outcome"] == "refused");
  CHECK(entry["source"] == "127.0.0.1");
  CHECK(entry.dump().find("guessed") == std::string::npos);
}

TEST_CASE("too many failed logins shut an address out, right tokens included", "[api][pg][sim]") {
  ApiWorld world{{.throttle = {.per_source = 3}}};
  for (int i = 0; i < 3; ++i) CHECK(world.Call("GET", "/session", nullptr, "guessed-token-guessed-token").status == 401);
  const auto answer = world.Call("GET", "/session");
  CHECK(answer.status == 429);
  CHECK(answer.body["code"] == "too_many_attempts");
  const int wait = std::stoi(answer.headers.at("retry-after"));
  CHECK(wait > 0);
  CHECK(wait <= 60);
  CHECK(world.db.Count("membridge.audit WHERE action = 'login'") == 3);
}

TEST_CASE("behind a trusted proxy each client has its own limit and its own address in the audit", "[api][pg][sim]") {
  ApiWorld world{{.admin = "trusted_proxies: [127.0.0.1]", .throttle = {.per_source = 2}}};
  const std::vector<std::string> guesser{"X-Forwarded-For: 203.0.113.9"};
  for (int i = 0; i < 2; ++i) CHECK(world.Call("GET", "/session", nullptr, "guessed-token-guessed-token", guesser).status == 401);
  CHECK(world.Call("GET", "/session", nullptr, test::kAdminToken, guesser).status == 429);
  CHECK(world.Call("GET", "/session", nullptr, test::kAdminToken, {"X-Forwarded-For: 198.51.100.1"}).status == 200);
  CHECK(world.db.Count("membridge.audit WHERE source = '203.0.113.9'") == 2);
}

TEST_CASE("a role that is too low is refused, and the attempt written down", "[api][pg][sim]") {
  ApiWorld world;
  const auto answer = world.Call("POST", "/tokens", {{"name", "mine"}, {"role", "admin"}}, test::kOperatorToken);
  CHECK(answer.status == 403);
  CHECK(answer.body["code"] == "forbidden");
  CHECK(answer.body["message"] == "this needs the role admin");
  const json entry = world.Audit()[0];
  CHECK(entry["actor"] == "config:oscar");
  CHECK(entry["role"] == "operator");
  CHECK(entry["action"] == "token.create");
  CHECK(entry["outcome"] == "refused");
  CHECK(entry["detail"] == json{{"code", "forbidden"}});
  CHECK(world.db.Count("membridge.admin_tokens") == 0);
}

TEST_CASE("another site's page is refused whatever it carries, and a changing attempt written down", "[api][pg][sim]") {
  ApiWorld world;
  const std::string header =
      GENERATE("Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example", "Origin: null");
  CAPTURE(header);
  world.Park("m-1", "duplicate key");
  const auto read = world.Call("GET", "/parked", nullptr, test::kAdminToken, {header});
  CHECK(read.status == 403);
  CHECK(read.body["code"] == "cross_site");
  CHECK(Entries(world) == 0);
  const auto changed = world.Call("POST", "/parked/drop", {{"filter", json::object()}, {"all", true}, {"expected_count", 1}},
                                  test::kAdminToken, {header});
  CHECK(changed.status == 403);
  CHECK(changed.body["code"] == "cross_site");
  CHECK(world.db.Count("membridge.parked") == 1);
  const json entry = world.Audit()[0];
  CHECK(entry["action"] == "parked.drop");
  CHECK(entry["outcome"] == "refused");
  CHECK(entry["actor"] == "anonymous");
}

TEST_CASE("a browser's preflight gets no permission", "[api][pg][sim]") {
  ApiWorld world;
  const auto answer = world.Raw(
      "OPTIONS", "/api/v1/parked/retry", "",
      {"Origin: https://evil.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization"});
  CHECK(answer.status == 403);
  for (const auto& [name, value] : answer.headers) CHECK_FALSE(name.starts_with("access-control"));
}

TEST_CASE("what was attempted with a wrong body is refused by its code and written down", "[api][pg][sim]") {
  ApiWorld world;
  struct Attempt {
    std::string body, type;
    int status;
    std::string code;
    std::string field;
  };
  const auto attempt = GENERATE(values<Attempt>({
      {R"({"filter":{"groop":"x"},"dry_run":true})", kJson, 400, "bad_request", "filter.groop"},
      {R"({"filter":{},"dry_run":true})", kJson, 400, "bad_request", "filter"},
      {R"({"filter":{"project":"crm"}})", kJson, 400, "count_first", ""},
      {R"({"filter":{"project":"crm"},"dry_run":true,"expected_count":1})", kJson, 400, "count_first", ""},
      {R"({"filter")", kJson, 400, "not_json", ""},
      {"", kJson, 400, "not_json", ""},
      {std::string(300, '['), kJson, 400, "not_json", ""},
      {R"({"filter":{}})", "Content-Type: text/plain", 415, "unsupported_media_type", ""},
      {R"({"filter":{"project":")" + std::string(1100 * 1024, 'x') + R"("}})", kJson, 413, "too_large", ""},
  }));
  CAPTURE(attempt.body.substr(0, 80), attempt.code);
  const auto answer = world.Raw("POST", "/api/v1/parked/drop", attempt.body, {kBearer + test::kAdminToken, attempt.type});
  CAPTURE(answer.text);
  CHECK(answer.status == attempt.status);
  CHECK(answer.body["code"] == attempt.code);
  if (!attempt.field.empty()) CHECK(answer.body["fields"].contains(attempt.field));
  const json entry = world.Audit()[0];
  CHECK(entry["action"] == "parked.drop");
  CHECK(entry["outcome"] == "refused");
  CHECK(entry["detail"]["code"] == attempt.code);
}

TEST_CASE("a body beyond what the listener takes is refused before anybody reads it", "[api][pg][sim]") {
  ApiWorld world;
  const auto answer = world.Raw("POST", "/api/v1/parked/drop", std::string(2 * 1024 * 1024 + 1, ' '),
                                {kBearer + test::kAdminToken, kJson, "Expect:"});
  CHECK(answer.status == 413);
  CHECK(answer.body["code"] == "too_large");
}

TEST_CASE("wrong parameters and cursors are refused by name", "[api][pg][sim]") {
  ApiWorld world;
  const auto [path, code, field] = GENERATE(table<std::string, std::string, std::string>({
      {"/deliveries?limits=1", "bad_request", "limits"},
      {"/deliveries?limit=0", "bad_request", "limit"},
      {"/deliveries?since=yesterday", "bad_request", "since"},
      {"/deliveries?cursor=x", "bad_cursor", ""},
      {"/deliveries?cursor=1.x", "bad_cursor", ""},
      {"/parked?cursor=%5B1%5D", "bad_cursor", ""},
      {"/memories?cursor=%5B%22a%22%5D", "bad_cursor", ""},
      {"/audit?cursor=0", "bad_cursor", ""},
      {"/audit?outcome=perhaps", "bad_request", "outcome"},
      {"/overview?minutes=1441", "bad_request", "minutes"},
      {"/why?table=contacts", "bad_request", "key"},
      {"/runs/ten", "bad_request", "run"},
  }));
  CAPTURE(path);
  const auto answer = world.Call("GET", path);
  CHECK(answer.status == 400);
  CHECK(answer.body["code"] == code);
  if (!field.empty()) CHECK(answer.body["fields"].contains(field));
  CHECK(Entries(world) == 0);  // only looking was attempted
}

TEST_CASE("paths and methods that are not there are told to those who may ask", "[api][pg][sim]") {
  ApiWorld world;
  const auto missing = world.Raw("GET", "/api/v1/nothing", "", {kBearer + test::kViewerToken});
  CHECK(missing.status == 404);
  CHECK(missing.body["code"] == "not_found");
  const auto method = world.Raw("PUT", "/api/v1/deliveries", "", {kBearer + test::kViewerToken});
  CHECK(method.status == 405);
  CHECK(method.headers.at("allow") == "GET, HEAD");
  CHECK(method.headers.at("cache-control") == "no-store");
}

TEST_CASE("attempts by strangers beyond a minute's share are counted and not written", "[api][pg][sim]") {
  ApiWorld world{{.throttle = {.per_source = 1'000, .in_all = 1'000}}};
  for (int i = 0; i < 65; ++i)
    CHECK(world.Raw("GET", "/api/v1/session", "", {kBearer + "guessed-token-guessed-token"}).status == 401);
  CHECK(Entries(world) == 60);
}

TEST_CASE("without any token everything is answered 401", "[api][pg][sim]") {
  ApiWorld world{{.with_tokens = false}};
  CHECK(world.Raw("GET", "/api/v1/session", "", {}).status == 401);
  CHECK(world.Raw("GET", "/api/v1/session", "", {kBearer + test::kAdminToken}).status == 401);
  CHECK(world.Raw("GET", "/api/v1/session", "", {kBearer}).status == 401);
  auto session = world.db.Session();
  CHECK_FALSE(admin::AnyAdminTokenWorks(session));
}

TEST_CASE("while the database is away the API says so, and goes on when it is back", "[api][pg][sim]") {
  test::Cluster cluster;
  ApiWorld world{{.cluster = &cluster}};
  CHECK(world.Call("GET", "/overview").status == 200);
  cluster.StopImmediately();
  const auto answer = world.Call("GET", "/overview");
  CHECK(answer.status == 503);
  CHECK(answer.body["code"] == "unavailable");
  CHECK(world.Call("GET", "/session", nullptr, "guessed-token-guessed-token").status == 503);
  cluster.Start();
  CHECK(test::Eventually([&] { return world.Call("GET", "/overview").status == 200; }));
}
