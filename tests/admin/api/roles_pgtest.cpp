// Every operation of the document against every role: generated, so that none can be forgotten.
#include "admin/api/document.hpp"
#include "tests/admin/api/api_world.hpp"
#include "tests/support/catch.hpp"

using namespace membridge;
using namespace membridge::admin::api;
using nlohmann::json;
using test::ApiWorld;

namespace {

const Document& TheDocumentRoles() {
  static const Document kDocument{OpenApiText()};
  return kDocument;
}

/// A value that a schema takes: the least there can be.
json SampleOf(const json& given) {
  const json& schema = Resolved(given, TheDocumentRoles().Root());
  if (schema.contains("enum")) return schema["enum"][0];
  const std::string type = schema.value("type", "string");
  if (type == "integer") return schema.value("minimum", 1);
  if (type == "boolean") return false;
  if (type == "number") return 0;
  if (type == "array") return json::array({SampleOf(schema["items"])});
  if (type != "object") return "nothing";
  json sample = json::object();
  for (const auto& name : schema.value("required", json::array()))
    sample[name.get<std::string>()] = SampleOf(schema["properties"][name.get<std::string>()]);
  return sample;
}

std::string PathOf(const Operation& operation) {
  std::string path = operation.path;
  for (const Parameter& parameter : operation.path_parameters) {
    const std::string hole = "{" + parameter.name + "}";
    path.replace(path.find(hole), hole.size(), parameter.schema["type"] == "integer" ? "987654" : "nothing");
  }
  std::string query;
  for (const Parameter& parameter : operation.query_parameters) {
    if (parameter.required) query += (query.empty() ? "?" : "&") + parameter.name + "=nothing";
  }
  return path + query;
}

}  // namespace

TEST_CASE("every operation is served, to those whose role is enough and to nobody else", "[api][pg][sim]") {
  ApiWorld world;
  const std::vector<std::pair<admin::Role, std::string>> tokens{{admin::Role::kViewer, test::kViewerToken},
                                                                {admin::Role::kOperator, test::kOperatorToken},
                                                                {admin::Role::kAdmin, test::kAdminToken}};
  for (const Operation& operation : TheDocumentRoles().Operations()) {
    const json body = operation.body.is_null() ? json() : SampleOf(operation.body);
    const std::string path = PathOf(operation);
    CAPTURE(operation.id, path, body.dump());
    CHECK(world.Call(operation.method, path, body, "").status == 401);
    for (const auto& [role, token] : tokens) {
      const auto answer = world.Call(operation.method, path, body, token);
      CAPTURE(NameOf(role), answer.text);
      if (role < operation.role) {
        CHECK(answer.status == 403);
        CHECK(answer.body["code"] == "forbidden");
      } else {
        CHECK(answer.status != 401);
        CHECK(answer.status != 403);
        CHECK(answer.status < 500);
      }
      CHECK_FALSE(answer.headers.contains("access-control-allow-origin"));
      CHECK(answer.headers.at("cache-control") == "no-store");
      CHECK(answer.headers.at("x-content-type-options") == "nosniff");
      CHECK(answer.headers.at("x-frame-options") == "DENY");
      CHECK(answer.headers.at("content-security-policy") == "default-src 'none'; frame-ancestors 'none'");
    }
  }
  // Every refusal for want of a role was written down, under the action's name where it has one.
  std::int64_t too_low = 0;
  for (const Operation& operation : TheDocumentRoles().Operations()) {
    for (const auto& [role, ignored] : tokens) {
      if (role < operation.role) ++too_low;
    }
  }
  CHECK(world.db.Count("membridge.audit WHERE outcome = 'refused' AND detail LIKE '%\"forbidden\"%'") == too_low);
  CHECK(world.Get("/audit/verify")["intact"] == true);
}
