#include "tests/admin/api/api_world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "admin/api/document.hpp"
#include "receiver/delivery_id.hpp"
#include "sync/explain/kept.hpp"
#include "sync/inbox/fold.hpp"
#include "sync/inbox/postgres_inbox.hpp"
#include "tests/support/catch.hpp"

namespace membridge::test {
namespace {

using nlohmann::json;

const admin::api::Document& TheDocumentApiWorld() {
  static const admin::api::Document kDocument{admin::api::OpenApiText()};
  return kDocument;
}

std::string Lowercase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

std::string TextOfFile(const std::string& path) {
  std::ifstream stream{path};
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Without `format` where null is allowed: valijson looks for a time in the null, too.
json WithoutNullFormats(json schema) {
  if (schema.is_object() && schema.contains("format") && schema["type"].is_array()) schema.erase("format");
  for (json& part : schema) {
    if (part.is_structured()) part = WithoutNullFormats(std::move(part));
  }
  return schema;
}

/// The validator of one named schema of the document; an independent judge of what the server's own check lets pass.
const valijson::Schema& SchemaNamed(const std::string& ref) {
  static std::map<std::string, std::unique_ptr<valijson::Schema>> schemas;
  auto& schema = schemas[ref];
  if (schema) return *schema;
  const json wrapped{{"allOf", json::array({json{{"$ref", ref}}})},
                     {"components", WithoutNullFormats(TheDocumentApiWorld().Root().at("components"))}};
  schema = std::make_unique<valijson::Schema>();
  valijson::SchemaParser parser;
  const valijson::adapters::NlohmannJsonAdapter adapter{wrapped};
  parser.populateSchema(adapter, *schema);
  return *schema;
}

std::string ConfigText(const ApiWorld::Options& options, const std::string& dsn, const Mem0Sim& mem0) {
  std::string text = fmt::format("database: \"{}\"\nadmin:\n  listen: 127.0.0.1:0\n", dsn);
  if (!options.admin.empty()) text += "  " + options.admin + "\n";
  if (options.with_tokens) {
    text += fmt::format(
        "  tokens: [{{name: eve, role: viewer, token: {}}}, {{name: oscar, role: operator, token: {}}}, {{name: ada, role: "
        "admin, token: {}}}]\n",
        kViewerToken, kOperatorToken, kAdminToken);
  }
  text += fmt::format(
      "projects:\n  crm:\n    api_key: {}\n    base_url: {}\n    webhook: {{public_url: \"https://bridge.example.com\"}}\n",
      mem0.ApiKey(), mem0.BaseUrl());
  text += "  lab: {api_key: m0-unknown-key, base_url: \"" + mem0.BaseUrl() + "\"}\n";
  const std::string example = std::string{MEMBRIDGE_SOURCE} + "/deploy/mappings/contacts.yaml";
  text += fmt::format("mappings: [{{file: \"{}\", project: crm}}]\n", options.mapping.empty() ? example : options.mapping);
  return text + "backfill: [{name: nightly, project: crm, sweep: full, schedule: \"0 3 * * *\"}]\n";
}

}  // namespace

ApiWorld::ApiWorld(Options options) : db(options.cluster != nullptr ? PgDatabase{*options.cluster} : PgDatabase{}) {
  db.RunScript(TextOfFile(std::string{MEMBRIDGE_SOURCE} + "/deploy/example-schema.sql"));
  mappings::Diagnostics problems;
  config_ = admin::ReadConfig(
      "membridge.yaml", ConfigText(options, db.Dsn(), mem0), [](const std::string&) { return std::nullopt; }, problems);
  if (!config_) throw std::runtime_error(problems.Sorted().front().Text());
  databases_ = std::move(*admin::Databases::Open(*config_, admin::Databases::Use::kCommand));
  clients_.emplace(*config_, db.Dsn(), metrics_);
  auto checked = admin::LoadAndCheck(*config_, *databases_, problems);
  if (!checked || !*checked) throw std::runtime_error("the example mapping does not fit the example schema");
  in_force.checked = std::make_shared<const admin::CheckedMappings>(std::move(**checked));
  admin::api::Parts parts{.config = *config_,
                          .databases = *databases_,
                          .mem0 = *clients_,
                          .mappings = [this] { return in_force; },
                          .recent = recent,
                          .ready = [] { return true; },
                          .reasons = [this] { return reasons; },
                          .unheard = [](const ProjectId&) { return std::string{}; },
                          .lag = []() -> std::optional<std::chrono::microseconds> { return std::chrono::microseconds{1500}; },
                          .lags = [this] { return lags; },
                          .kept =
                              [this] {
                                auto session = db.Session();
                                auto transaction = session.Begin();
                                return std::optional{sync::CountKept(transaction)};
                              },
                          .wake_workers = [this] { ++woken; },
                          .wake_backfills = [this] { ++backfills_woken; },
                          .token_issued = [this] { ++tokens_issued; },
                          .known_within = std::chrono::milliseconds{0},
                          .preview_patience = options.preview_patience};
  listener_.emplace(std::move(parts), clock_, options.throttle);
  listener_->Start();
  url_ = fmt::format("http://127.0.0.1:{}", listener_->port());
}

ApiWorld::~ApiWorld() {
  listener_->Stop(std::chrono::milliseconds{0});
}

ApiAnswer ApiWorld::RawBy(HttpClient& client, const std::string& method, const std::string& target, const std::string& body,
                          const std::vector<std::string>& headers) const {
  const HttpAnswer answer = client.Call(method, url_ + target, body, headers);
  return {answer.status, json::parse(answer.body, nullptr, false), answer.headers, answer.body};
}

ApiAnswer ApiWorld::Raw(const std::string& method, const std::string& target, const std::string& body,
                        const std::vector<std::string>& headers) {
  return RawBy(http_, method, target, body, headers);
}

ApiAnswer ApiWorld::Call(const std::string& method, const std::string& path, const json& body, const std::string& token,
                         const std::vector<std::string>& headers) {
  std::vector<std::string> all = headers;
  if (!token.empty()) all.push_back("Authorization: Bearer " + token);
  if (!body.is_null()) all.push_back("Content-Type: application/json");
  const ApiAnswer answer = Raw(method, "/api/v1" + path, body.is_null() ? "" : body.dump(), all);
  Compare(method, path.substr(0, path.find('?')), answer);
  return answer;
}

void ApiWorld::Compare(const std::string& method, const std::string& path, const ApiAnswer& answer) const {
  CAPTURE(method, path, answer.status, answer.text);
  const auto found = TheDocumentApiWorld().Find(method, path);
  REQUIRE(found.operation != nullptr);
  const json& responses =
      TheDocumentApiWorld().Root().at("paths").at(found.operation->path).at(Lowercase(method)).at("responses");
  REQUIRE(responses.contains(std::to_string(answer.status)));
  const json& response = admin::api::Resolved(responses[std::to_string(answer.status)], TheDocumentApiWorld().Root());
  const json headers = response.value("headers", json::object());
  for (const auto& [name, ignored] : headers.items()) CHECK(answer.headers.contains(Lowercase(name)));
  REQUIRE_FALSE(answer.body.is_discarded());
  valijson::Validator validator;
  valijson::ValidationResults results;
  const std::string ref = response.at("content").at("application/json").at("schema").at("$ref");
  const bool fits = validator.validate(SchemaNamed(ref), valijson::adapters::NlohmannJsonAdapter{answer.body}, &results);
  for (const auto& one : results) UNSCOPED_INFO(fmt::format("{} {}", fmt::join(one.context, ""), one.description));
  CHECK(fits);
}

json ApiWorld::Get(const std::string& path, const std::string& token) {
  const ApiAnswer answer = Call("GET", path, nullptr, token);
  CAPTURE(path, answer.text);
  REQUIRE(answer.status == 200);
  return answer.body;
}

json ApiWorld::Post(const std::string& path, const json& body, const std::string& token) {
  const ApiAnswer answer = Call("POST", path, body, token);
  CAPTURE(path, answer.text);
  REQUIRE(answer.status / 100 == 2);
  return answer.body;
}

void ApiWorld::Settle() {
  sync::WorkerOptions options;
  options.read_lag = std::chrono::milliseconds{0};
  sync::Worker worker{options,
                      db.Dsn(),
                      [this] { return in_force.checked->set; },
                      [this](const ProjectId& project) { return clients_->For(project, admin::Mem0Clients::Urgency::kLive); },
                      clock_,
                      counters_};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (db.Count("membridge.dirty") > 0) {
    if (!worker.RunOnce() || std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("the memories could not be applied");
  }
}

std::string ApiWorld::Remember(const std::string& user, const std::string& text) {
  const std::string id = mem0.Add(user, text, nullptr, {}, false);
  Deliver({id});
  Settle();
  return id;
}

std::string ApiWorld::Deliver(const std::vector<std::string>& memories, const std::string& body) {
  sync::Delivery delivery;
  delivery.received_at = clock_.Now();
  delivery.id = receiver::MakeDeliveryId(delivery.received_at);
  delivery.project = ProjectId{"crm"};
  delivery.body = body;
  delivery.source_address = "192.0.2.7";
  delivery.headers = {{"content-type", "application/json"}};
  delivery.verdict = memories.empty() ? "uninterpretable" : "add";
  for (const std::string& memory : memories) delivery.memories.emplace_back(memory);
  sync::PostgresInbox inbox{db.Dsn()};
  if (!inbox.Accept({delivery})) throw std::runtime_error("the delivery could not be stored");
  sync::postgres::Session session = db.Session();
  sync::Fold::All(session);
  return delivery.id.Text();
}

void ApiWorld::Park(const std::string& memory, const std::string& cause) {
  db.Run(
      "INSERT INTO membridge.parked (project, memory_id, mapping, code, cause, hint, place, sqlstate) VALUES ('crm', $1, "
      "'contacts', 'row_rejected', $2, 'mend it', 'contacts.yaml:5', '23505')",
      {memory, cause});
}

json ApiWorld::Audit(std::size_t limit) {
  return Get(fmt::format("/audit?limit={}", limit))["entries"];
}

}  // namespace membridge::test
