// The JSON Schema of membridge.yaml, for editors: it knows the keys that the program takes, and agrees with it on whole files.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "admin/config/config.hpp"
#include "mappings/files/scalar.hpp"
#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

using nlohmann::json;

std::string TextOfFile(const std::string& name) {
  std::ifstream file{std::string{MEMBRIDGE_SOURCE} + "/" + name};
  REQUIRE(file);
  return {std::istreambuf_iterator<char>{file}, {}};
}

const json& ConfigSchema() {
  static const json kSchema = json::parse(TextOfFile("admin/config/membridge.schema.json"));
  return kSchema;
}

/// Every variable is set, to something that fits most places.
std::optional<std::string> AnyVariable(const std::string& name) {
  if (name.find("LISTEN") != std::string::npos) return "127.0.0.1:0";
  if (name.find("URL") != std::string::npos) return "https://bridge.example.com";
  return "0123456789abcdef";
}

bool SchemaTakes(const std::string& yaml) {
  static const auto kParsed = [] {
    auto parsed = std::make_unique<valijson::Schema>();
    valijson::SchemaParser{valijson::SchemaParser::kDraft7}.populateSchema(
        valijson::adapters::NlohmannJsonAdapter{ConfigSchema()}, *parsed);
    return parsed;
  }();
  mappings::Diagnostics problems;
  const auto source = mappings::YamlSource::Parse("membridge.yaml", yaml, problems);
  REQUIRE(source);
  const json document = mappings::AsTyped(source->Root());
  valijson::ValidationResults results;
  const bool taken = valijson::Validator{}.validate(*kParsed, valijson::adapters::NlohmannJsonAdapter{document}, &results);
  for (const auto& one : results) UNSCOPED_INFO(one.description);
  return taken;
}

bool ProgramTakes(const std::string& yaml) {
  mappings::Diagnostics problems;
  const auto config = ReadConfig("membridge.yaml", yaml, AnyVariable, problems);
  for (const auto& problem : problems.Sorted()) UNSCOPED_INFO(problem.Text());
  return config.has_value();
}

/// The keys that the program names when it refuses the key zzzzzz.
std::set<std::string> KeysOfProgram(const std::string& yaml) {
  mappings::Diagnostics problems;
  ReadConfig("membridge.yaml", yaml, AnyVariable, problems);
  for (const auto& problem : problems.Sorted()) {
    const auto at = problem.message.find("; known are ");
    if (problem.message.find("unknown key \"zzzzzz\"") != 0 || at == std::string::npos) continue;
    std::set<std::string> keys;
    std::stringstream list{problem.message.substr(at + 12)};
    for (std::string key; std::getline(list, key, ',');) keys.insert(key.substr(key.find_first_not_of(' ')));
    return keys;
  }
  return {};
}

std::set<std::string> KeysOfSchema(const std::string& pointers) {
  std::set<std::string> keys;
  std::stringstream list{pointers};
  for (std::string pointer; list >> pointer;) {
    for (const auto& [key, ignored] : ConfigSchema().at(json::json_pointer{pointer}).items()) keys.insert(key);
  }
  return keys;
}

const std::string kLeast = "database: embedded\nprojects: {crm: {api_key: k}}\n";

std::string Verified(const std::string& scheme) {
  return "database: embedded\nprojects: {crm: {api_key: k, webhook: {verify: [" + scheme + "]}}}\n";
}

}  // namespace

TEST_CASE("the schema of membridge.yaml knows the keys that the program takes, and no others", "[admin][config][schema]") {
  const auto [pointers, yaml] = GENERATE(table<std::string, std::string>({
      {"/properties", kLeast + "zzzzzz: 1"},
      {"/properties/admin/properties", kLeast + "admin: {zzzzzz: 1}"},
      {"/properties/admin/properties/tokens/items/properties",
       kLeast + "admin: {tokens: [{name: a, role: admin, token: t, zzzzzz: 1}]}"},
      {"/properties/admin/properties/audit/properties", kLeast + "admin: {audit: {key_file: x, zzzzzz: 1}}"},
      {"/$defs/pooledDatabase/properties", "projects: {crm: {api_key: k}}\ndatabase: {url: x, zzzzzz: 1}"},
      {"/$defs/platformProject/properties /$defs/ownProject/properties",
       "database: embedded\nprojects: {crm: {api_key: k, zzzzzz: 1}}"},
      {"/$defs/platformProject/properties /$defs/ownProject/properties",
       "database: embedded\nprojects: {crm: {source: {postgres: x}, zzzzzz: 1}}"},
      {"/$defs/platformProject/properties/webhook/properties",
       "database: embedded\nprojects: {crm: {api_key: k, webhook: {zzzzzz: 1}}}"},
      {"/$defs/platformProject/properties/canary/properties",
       "database: embedded\nprojects: {crm: {api_key: k, canary: {zzzzzz: 1}}}"},
      {"/$defs/ownProject/properties/source/properties",
       "database: embedded\nprojects: {crm: {source: {postgres: x, zzzzzz: 1}}}"},
      {"/properties/targets/additionalProperties/properties", kLeast + "targets: {a: {database: state, zzzzzz: 1}}"},
      {"/properties/targets/additionalProperties/properties/feed/anyOf/1/properties",
       kLeast + "targets: {a: {database: state, feed: {zzzzzz: 1}}}"},
      {"/properties/mappings/items/anyOf/1/properties", kLeast + "mappings: [{file: a.yaml, zzzzzz: 1}]"},
      {"/properties/feeds/items/properties", kLeast + "feeds: [{name: a, zzzzzz: 1}]"},
      {"/properties/backfill/items/properties", kLeast + "backfill: [{name: a, zzzzzz: 1}]"},
      {"/properties/retention/properties", kLeast + "retention: {zzzzzz: 1}"},
      {"/properties/http/properties", kLeast + "http: {zzzzzz: 1}"},
      {"/properties/sync/properties", kLeast + "sync: {zzzzzz: 1}"},
      {"/$defs/verification/anyOf/1/properties/basic/items/properties", Verified("basic: [{user: a, password: b, zzzzzz: 1}]")},
      {"/$defs/verification/anyOf/1/properties/standard-webhooks/properties", Verified("standard-webhooks: {zzzzzz: 1}")},
      {"/$defs/verification/anyOf/1/properties/hmac/properties", Verified("hmac: {zzzzzz: 1}")},
      {"/$defs/verification/anyOf/1/properties/ip-allow/properties", Verified("ip-allow: {zzzzzz: 1}")},
      {"/$defs/verification/anyOf/1/properties/client-certificate/properties", Verified("client-certificate: {zzzzzz: 1}")},
  }));
  CAPTURE(pointers, yaml);
  CHECK(KeysOfProgram(yaml) == KeysOfSchema(pointers));
  CHECK_FALSE(SchemaTakes(yaml));
}

TEST_CASE("the schema of membridge.yaml takes what the program takes", "[admin][config][schema]") {
  const auto yaml = GENERATE(values<std::string>({
      TextOfFile("deploy/membridge.yaml"),
      kLeast,
      kLeast + "mappings: [a.yaml, {file: b.yaml, project: crm, vars: {tenant: 1, on: true}}]\nmax_body: 2MiB\nsoft_stop: 10s",
      kLeast + "backfill: [{name: s, project: crm, sweep: full, schedule: '30 4 * * 0', jitter: 5m, timezone: Europe/Berlin}]",
      kLeast + "sync: {workers: 3, batch: 100, read_lag: 250ms, lease: 30s, poll: 200ms}\nretention: {deliveries: 7d, runs: 90d}",
      kLeast + "http: {idle: 3m, connections_per_address: 64, trusted_proxies: [10.1.0.0/16]}\nadmin: {save_mappings: true}",
      kLeast + "targets: {a: {database: state, feed: {retention: 7d, publication: p}}, b: {database: state, feed: true}}",
      "database: {url: 'postgresql://db/a', pooled: true}\nprojects: {own: {source: {postgres: 'postgresql://db/b', poll: 10s}}}",
      Verified("token"),
      Verified("any: [token, {ip-allow: {networks: [10.0.0.0/8]}}]"),
      Verified("basic: [{user: a, password: b}]"),
      Verified("hmac: {header: X-Sign, secrets: [abcdefghijklmnop], algorithm: sha512, tolerance: 5m}"),
  }));
  CAPTURE(yaml);
  CHECK(ProgramTakes(yaml));
  CHECK(SchemaTakes(yaml));
}

TEST_CASE("the schema of membridge.yaml refuses what it can see to be wrong", "[admin][config][schema]") {
  const auto yaml = GENERATE(values<std::string>({
      "database: embedded",
      "projects: {crm: {api_key: k}}",
      "database: embedded\nprojects: {}",
      "database: embedded\nprojects: {crm: {base_url: https://api.mem0.ai}}",
      "database: embedded\nprojects: {CRM: {api_key: k}}",
      "database: embedded\nprojects: {crm: {api_key: k, source: {postgres: 'postgresql://db/a'}}}",
      kLeast + "admin: {tokens: [{name: a, role: boss, token: 0123456789abcdef}]}",
      kLeast + "admin: {save_mappings: perhaps}",
      kLeast + "soft_stop: 30",
      kLeast + "sync: {workers: 0}",
      kLeast + "sync: {lease: soon}",
      kLeast + "backfill: [{name: s, project: crm, sweep: half, schedule: '30 4 * * 0'}]",
      Verified("telepathy: {}"),
      "database: embedded\nprojects: {crm: {api_key: k, webhook: {verify: []}}}",
  }));
  CAPTURE(yaml);
  CHECK_FALSE(ProgramTakes(yaml));
  CHECK_FALSE(SchemaTakes(yaml));
}

}  // namespace membridge::admin
