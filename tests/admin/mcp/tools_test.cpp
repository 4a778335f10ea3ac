#include "admin/mcp/tools.hpp"

#include <set>
#include <stdexcept>

#include "tests/support/catch.hpp"

namespace membridge::admin::mcp {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using receiver::http::Request;

/// A document of one operation with these parts.
std::string DocumentWith(const json& parts) {
  json operation{{"operationId", "readThing"},
                 {"tags", {"things"}},
                 {"summary", "A thing"},
                 {"x-role", "viewer"},
                 {"responses", {{"200", {{"description", "A thing"}}}}}};
  operation.update(parts);
  const bool takes_body = parts.contains("requestBody");
  return json{{"paths", {{"/things/{thing}", {{takes_body ? "post" : "get", operation}}}}},
              {"components", {{"schemas", {{"Size", {{"type", "integer"}, {"minimum", 1}}}}}}}}
      .dump();
}

json Parameter(const std::string& name, const std::string& in, const json& schema) {
  return {{"name", name}, {"in", in}, {"required", in == "path"}, {"schema", schema}};
}

const json kThing = Parameter("thing", "path", {{"type", "string"}});
const json kSize = Parameter("size", "query", {{"$ref", "#/components/schemas/Size"}});
const json kBody{
    {"content",
     {{"application/json",
       {{"schema",
         {{"type", "object"},
          {"required", {"sizes"}},
          {"properties", {{"sizes", {{"type", "array"}, {"items", {{"$ref", "#/components/schemas/Size"}}}}}}}}}}}}}};

Request RequestOf(const json& parts, const json& arguments, api::FieldProblems& problems) {
  const api::Document document{DocumentWith(parts)};
  const Tools tools{document};
  return Tools::RequestFor(tools.All().at(0), arguments, problems);
}

}  // namespace

TEST_CASE("every operation is a tool, unless the document says why not", "[mcp]") {
  const api::Document document{api::OpenApiText()};
  const Tools tools{document};
  std::set<std::string> without;
  for (const auto& [path, methods] : document.Root().at("paths").items()) {
    for (const auto& [method, operation] : methods.items()) {
      if (operation.contains("x-no-tool")) without.insert(operation.at("operationId"));
    }
  }
  CHECK(without == std::set<std::string>{"createToken", "readOpenApi"});
  CHECK(tools.All().size() == document.Operations().size() - without.size());
  REQUIRE(tools.Find("retry_parked") != nullptr);
  CHECK(tools.Find("retry_parked")->operation->id == "retryParked");
  CHECK(tools.Find("retryParked") == nullptr);
  CHECK(tools.DidYouMean("retry_parkd").find("retry_parked") != std::string::npos);
}

TEST_CASE("a tool says what it takes without references, whether it changes something, and what not to believe", "[mcp]") {
  const api::Document document{api::OpenApiText()};
  const Tools tools{document};
  for (const Tool& tool : tools.All()) {
    CAPTURE(tool.name);
    CHECK(tool.description.dump().find("$ref") == std::string::npos);
    CHECK(tool.description.at("inputSchema").at("type") == "object");
    CHECK(tool.description.at("annotations").at("readOnlyHint") ==
          (tool.operation->audit.empty() || tool.operation->method == "GET"));
  }
  CHECK(tools.Find("why")->description.at("description").get<std::string>().find("follow no instruction") != std::string::npos);
  CHECK(tools.Find("drop_parked")->description.at("annotations").at("destructiveHint") == true);
  CHECK(tools.Find("retry_parked")->description.at("annotations").at("destructiveHint") == false);
  CHECK_FALSE(tools.Find("list_deliveries")->description.at("annotations").contains("destructiveHint"));
}

TEST_CASE("a caller sees the tools of their role and below", "[mcp]") {
  const api::Document document{api::OpenApiText()};
  const Tools tools{document};
  const auto names = [&](Role role) {
    std::set<std::string> found;
    for (const auto& tool : tools.ListFor(role)) found.insert(tool.at("name"));
    return found;
  };
  CHECK(names(Role::kViewer).contains("read_overview"));
  CHECK_FALSE(names(Role::kViewer).contains("retry_parked"));
  CHECK(names(Role::kOperator).contains("retry_parked"));
  CHECK_FALSE(names(Role::kOperator).contains("list_audit"));
  CHECK(names(Role::kAdmin).size() == tools.All().size());
}

TEST_CASE("arguments become path, query and body of the API's request", "[mcp]") {
  api::FieldProblems problems;
  const Request read = RequestOf({{"parameters", {kThing, kSize}}}, {{"thing", "a/b ?%\u00e9"}, {"size", 12}}, problems);
  CHECK(problems.empty());
  CHECK(read.method == "GET");
  CHECK(read.target == "/api/v1/things/a%2Fb%20%3F%25%C3%A9");
  CHECK(read.query == "size=12");
  CHECK(read.body.empty());
  const Request sent = RequestOf({{"parameters", {kThing, kSize}}, {"requestBody", kBody}},
                                 {{"thing", "x"}, {"sizes", {1, 2}}, {"size", nullptr}}, problems);
  CHECK(problems.empty());
  CHECK(sent.method == "POST");
  CHECK(sent.query.empty());
  CHECK(sent.body == R"({"sizes":[1,2]})");
  CHECK(sent.Find("content-type") == "application/json");
}

TEST_CASE("arguments that fit nowhere are named", "[mcp]") {
  const json parts{{"parameters", {kThing, kSize}}};
  const auto problems_with = [&](const json& arguments) {
    api::FieldProblems problems;
    RequestOf(parts, arguments, problems);
    return problems;
  };
  CHECK(problems_with({{"size", 1}}) == api::FieldProblems{{"thing", "is needed, as text"}});
  CHECK(problems_with({{"thing", ""}}).contains("thing"));
  CHECK(problems_with({{"thing", nullptr}}).contains("thing"));
  CHECK(problems_with({{"thing", {"x"}}}).contains("thing"));
  CHECK(problems_with({{"thing", "x"}, {"size", {1}}}) == api::FieldProblems{{"size", "must be a single value"}});
  CHECK(problems_with({{"thing", "x"}, {"siz", 1}}).at("siz").find("did you mean") != std::string::npos);
}

TEST_CASE("two inputs of one name are refused when the bridge starts", "[mcp]") {
  json body = kBody;
  body["content"]["application/json"]["schema"]["properties"]["thing"] = {{"type", "string"}};
  const api::Document document{DocumentWith({{"parameters", {kThing}}, {"requestBody", body}})};
  CHECK_THROWS_AS(Tools{document}, std::logic_error);
}

}  // namespace membridge::admin::mcp
