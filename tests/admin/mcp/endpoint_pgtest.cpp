// The protocol as it stands on the wire; what agents do with it is tests/mcp.

#include "admin/mcp/endpoint.hpp"
#include "tests/admin/api/api_world.hpp"
#include "tests/support/catch.hpp"

namespace membridge::test {
namespace {

using nlohmann::json;

ApiAnswer Say(ApiWorld& world, const std::string& body, const std::string& token = kViewerToken,
              const std::vector<std::string>& more = {}) {
  std::vector<std::string> headers{"Authorization: Bearer " + token, "Content-Type: application/json",
                                   "Accept: application/json, text/event-stream"};
  headers.insert(headers.end(), more.begin(), more.end());
  return world.Raw("POST", "/mcp", body, headers);
}

json Ask(ApiWorld& world, const std::string& method, const json& parameters = json::object()) {
  const ApiAnswer answer = Say(world, json{{"jsonrpc", "2.0"}, {"id", "q1"}, {"method", method}, {"params", parameters}}.dump());
  CHECK(answer.status == 200);
  CHECK(answer.body.at("jsonrpc") == "2.0");
  CHECK(answer.body.at("id") == "q1");
  return answer.body;
}

}  // namespace

TEST_CASE("a client and the bridge agree on a version", "[mcp][api][pg][sim]") {
  ApiWorld world;
  for (const char* version : {"2025-11-25", "2025-06-18", "2025-03-26"})
    CHECK(Ask(world, "initialize", {{"protocolVersion", version}})["result"]["protocolVersion"] == version);
  for (const json& parameters : {json{{"protocolVersion", "1999-01-01"}}, json::object(), json{{"protocolVersion", 7}}})
    CHECK(Ask(world, "initialize", parameters)["result"]["protocolVersion"] == "2025-11-25");
  const std::string ping = R"({"jsonrpc":"2.0","id":7,"method":"ping"})";
  CHECK(Say(world, ping).body == json{{"jsonrpc", "2.0"}, {"id", 7}, {"result", json::object()}});
  CHECK(Say(world, ping, kViewerToken, {"MCP-Protocol-Version: 2025-06-18"}).status == 200);
  CHECK(Say(world, ping, kViewerToken, {"MCP-Protocol-Version: 1999-01-01"}).status == 400);
}

TEST_CASE("what is no message is refused, and notifications are taken in silence", "[mcp][api][pg][sim]") {
  ApiWorld world;
  for (const auto& [body, code] :
       std::vector<std::pair<std::string, int>>{{"", -32700},
                                                {"{", -32700},
                                                {std::string(200, '['), -32700},
                                                {"[]", -32600},
                                                {"7", -32600},
                                                {R"({"id":1,"method":"ping"})", -32600},
                                                {R"({"jsonrpc":"1.0","id":1,"method":"ping"})", -32600},
                                                {R"({"jsonrpc":"2.0","id":{},"method":"ping"})", -32600},
                                                {R"({"jsonrpc":"2.0","id":1,"method":7})", -32600}}) {
    CAPTURE(body);
    const ApiAnswer answer = Say(world, body);
    CHECK(answer.status == 400);
    CHECK(answer.body.at("error").at("code") == code);
  }
  for (const char* body :
       {R"({"jsonrpc":"2.0","method":"notifications/initialized"})", R"({"jsonrpc":"2.0","id":1,"result":{}})"}) {
    const ApiAnswer answer = Say(world, body);
    CHECK(answer.status == 202);
    CHECK(answer.text.empty());
  }
  CHECK(Ask(world, "resources/list")["error"]["code"] == -32601);
  CHECK(Ask(world, "tools/call", {{"name", "nothing"}})["error"]["code"] == -32602);
  CHECK(Ask(world, "tools/call", {{"name", 7}})["error"]["code"] == -32602);
  CHECK(Ask(world, "tools/call", json::array())["error"]["code"] == -32602);
  CHECK(Ask(world, "tools/call", {{"name", "list_runs"}, {"arguments", "x"}})["error"]["code"] == -32602);
  CHECK(world.Raw("GET", "/mcp", "", {"Authorization: Bearer " + kViewerToken}).status == 405);
  CHECK(world.Raw("DELETE", "/mcp", "", {"Authorization: Bearer " + kViewerToken}).status == 405);
}

TEST_CASE("a stranger is told 401 whatever they ask, and failed logins shut them out here as on the API", "[mcp][api][pg][sim]") {
  ApiWorld world;
  for (const char* body : {"{", R"({"jsonrpc":"2.0","id":1,"method":"ping"})", R"({"jsonrpc":"2.0","method":"notifications/x"})"})
    CHECK(Say(world, body, "a-wrong-token-0123456789").status == 401);
  CHECK(world.Raw("POST", "/mcp", "{}", {}).status == 401);
  CHECK(world.Audit()[0]["action"] == "login");
}

}  // namespace membridge::test
