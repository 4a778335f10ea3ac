#include "admin/api/document.hpp"

#include <set>

#include "tests/support/catch.hpp"

using namespace membridge::admin;
using namespace membridge::admin::api;
using nlohmann::json;

namespace {

const Document& ApiDocument() {
  static const Document kDocument{OpenApiText()};
  return kDocument;
}

const Operation& Named(const std::string& id) {
  for (const Operation& operation : ApiDocument().Operations()) {
    if (operation.id == id) return operation;
  }
  throw std::runtime_error("no operation " + id);
}

FieldProblems ProblemsIn(const std::string& operation, const json& body) {
  FieldProblems problems;
  ApiDocument().CheckBody(Named(operation), body, problems);
  return problems;
}

}  // namespace

TEST_CASE("every operation of the document is told apart, has a role and its errors", "[api][document]") {
  std::set<std::string> ids;
  for (const Operation& operation : ApiDocument().Operations()) {
    CAPTURE(operation.id);
    CHECK(ids.insert(operation.id).second);
    std::string method = operation.method;
    for (char& c : method) c = static_cast<char>(c + 32);
    const json& described = ApiDocument().Root()["paths"][operation.path][method];
    for (const char* status : {"400", "401", "403", "429", "500", "503"}) CHECK(described["responses"].contains(status));
    CHECK(described["responses"].contains("413") == !operation.body.is_null());
    // What changes something is written down, and nobody does it who may only look.
    const bool only_reads = operation.id == "previewMapping" || operation.id == "tryDraft" || described.value("x-reads", false);
    if (operation.method != "GET" && !only_reads) {
      CHECK_FALSE(operation.audit.empty());
      CHECK(operation.role >= Role::kOperator);
    }
  }
  CHECK(ids.size() > 40);
}

TEST_CASE("every object in a body of the document takes known fields only", "[api][document]") {
  for (const Operation& operation : ApiDocument().Operations()) {
    if (operation.body.is_null()) continue;
    CAPTURE(operation.id);
    CHECK(Resolved(operation.body, ApiDocument().Root())["additionalProperties"] == false);
    CHECK(ProblemsIn(operation.id, {{"nonsense", 1}}).contains("nonsense"));
    CHECK(ProblemsIn(operation.id, json::array()) == FieldProblems{{"body", "must be an object"}});
  }
}

TEST_CASE("an operation is found by method and path", "[api][document]") {
  const auto [method, path, id] = GENERATE(table<std::string, std::string, std::string>({
      {"GET", "/deliveries", "listDeliveries"},
      {"HEAD", "/deliveries", "listDeliveries"},
      {"POST", "/deliveries/replay", "replayDeliveries"},
      {"GET", "/deliveries/replay", "readDelivery"},
      {"GET", "/parked/groups", "listParkedGroups"},
      {"PATCH", "/projects/crm/webhooks/apply", "updateWebhook"},
      {"GET", "/nothing", ""},
      {"GET", "/deliveries/", ""},
      {"GET", "/deliveries//body", ""},
      {"PUT", "/deliveries", ""},
  }));
  CAPTURE(method, path);
  const auto found = ApiDocument().Find(method, path);
  CHECK((found.operation == nullptr ? "" : found.operation->id) == id);
  if (method == "PUT") CHECK(found.allowed == std::set<std::string>{"GET", "HEAD"});
}

TEST_CASE("a query's parameters are read by the document", "[api][document]") {
  const auto [query, problem] = GENERATE(table<std::string, std::string>({
      {"limit=10&verdict=add&memory=a+b%2Fc", ""},
      {"", ""},
      {"limit=0", "limit must be at least 1"},
      {"limit=1001", "limit must be at most 1000"},
      {"limit=ten", "limit must be a whole number"},
      {"limit=1e1", "limit must be a whole number"},
      {"limit=", "limit must be a whole number"},
      {"limit=10&limit=10", "limit is given twice"},
      {"limits=10", "limits there is no such parameter; did you mean \"limit\"?"},
      {"verdict=", "verdict must not be empty"},
      {"verdict=%00", "query is not properly percent-encoded"},
      {"verdict=%zz", "query is not properly percent-encoded"},
      {"verdict=%ff", "verdict must be UTF-8 without NUL"},
  }));
  CAPTURE(query);
  FieldProblems problems;
  const json values = ApiDocument().ReadQuery(Named("listDeliveries"), query, problems);
  if (problem.empty()) {
    CHECK(problems.empty());
    CHECK(values["limit"] == (query.empty() ? 50 : 10));
    if (!query.empty()) CHECK(values["memory"] == "a b/c");
  } else {
    REQUIRE(problems.size() == 1);
    CHECK(problems.begin()->first + " " + problems.begin()->second == problem);
  }
}

TEST_CASE("a parameter that is needed is asked for", "[api][document]") {
  FieldProblems problems;
  ApiDocument().ReadQuery(Named("why"), "table=contacts", problems);
  CHECK(problems == FieldProblems{{"key", "is needed"}});
}

TEST_CASE("a body is compared with its schema, field by field", "[api][document]") {
  const auto [operation, body, expected] = GENERATE(table<std::string, std::string, FieldProblems>({
      {"retryParked", R"({"filter":{"group":"0123456789ab"},"expected_count":2})", {}},
      {"retryParked", R"({"filter":{}})", {}},
      {"retryParked", R"({"dry_run":true})", {{"filter", "is needed"}}},
      {"retryParked",
       R"({"filter":{"groop":"x"},"dry_run":1})",
       {{"filter.groop", "there is no such field; did you mean \"group\"?"}, {"dry_run", "must be true or false"}}},
      {"retryParked", R"({"filter":{},"expected_count":-1})", {{"expected_count", "must be at least 0"}}},
      {"retryParked", R"({"filter":{},"expected_count":2.0})", {{"expected_count", "must be a whole number"}}},
      {"retryParked", R"({"filter":{},"expected_count":18446744073709551615})", {{"expected_count", "must be at least 0"}}},
      {"createWebhook",
       R"({"name":"","url":"https://x","events":[]})",
       {{"name", "must not be empty"}, {"events", "needs at least 1"}}},
      {"createWebhook",
       R"({"name":"n","url":7,"events":["memory_add",3]})",
       {{"url", "must be text"}, {"events[1]", "must be text"}}},
      {"createToken",
       R"({"name":"Ada","role":"root"})",
       {{"name", "must look like ^[a-z0-9][a-z0-9_-]*$"}, {"role", "must be one of: viewer, operator, admin"}}},
      {"createToken", "7", {{"body", "must be an object"}}},
      {"createToken", R"({"name":null,"role":"viewer"})", {{"name", "must be text"}}},
  }));
  CAPTURE(operation, body);
  CHECK(ProblemsIn(operation, json::parse(body)) == expected);
}

TEST_CASE("a schema that says more than is checked is refused", "[api][document]") {
  FieldProblems problems;
  CHECK_THROWS_AS(CheckValue("x", {{"type", "string"}, {"contentEncoding", "base64"}}, json::object(), "", problems),
                  std::logic_error);
}
