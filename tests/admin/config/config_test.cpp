#include "admin/config/config.hpp"

#include <chrono>
#include <set>
#include <string>

#include "admin/serve/reception.hpp"
#include "receiver/verify/network.hpp"
#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

std::optional<std::string> TestEnvironment(const std::string& name) {
  if (name == "MEM0_API_KEY") return "m0-secret";
  if (name == "MEMBRIDGE_ADMIN_TOKEN") return "ops-secret-0123456789";
  return std::nullopt;
}

/// Every problem of a configuration, one a line.
std::string ProblemsOf(const std::string& yaml) {
  mappings::Diagnostics problems;
  const auto config = ReadConfig("etc/membridge.yaml", yaml, TestEnvironment, problems);
  CHECK(config.has_value() == !problems.HasErrors());
  std::string text;
  for (const auto& problem : problems.Sorted()) text += problem.Text() + "\n";
  return text;
}

constexpr const char* kWhole = R"(listen: 127.0.0.1:8080
admin:
  listen: "[::1]:8081"
  tokens:
    - {name: ops, role: admin, token: "${MEMBRIDGE_ADMIN_TOKEN}"}
database: embedded
state_dir: ./membridge-data
projects:
  crm:
    api_key: ${MEM0_API_KEY}
    base_url: https://api.mem0.ai/
    calls_per_second: 20
    webhook:
      public_url: https://bridge.example.com/
      name: membridge-crm
      events: [memory_add, memory_delete]
      manage: true
      verify: [token]
targets:
  default: {database: state}
  warehouse: {database: "postgresql://writer:secret@db/warehouse"}
mappings:
  - mappings/contacts.yaml
  - {file: /srv/warehouse.yaml, project: crm, target: warehouse, vars: {tenant: 1}}
backfill:
  - {name: nightly-profiles, project: crm, export: profile, schedule: "0 3 * * *", timezone: Europe/Berlin}
  - {name: sweep, project: crm, sweep: incremental, schedule: "*/15 * * * *"}
  - {name: full-sweep, project: crm, sweep: full, schedule: "30 4 * * 0"}
retention: {deliveries: 7d, parked: 90d}
max_body: 2MiB
soft_stop: 10s
sync: {workers: 3, batch: 100, read_lag: 250ms, lease: 30s, poll: 200ms}
http: {idle: 3m, connections_per_address: 64, trusted_proxies: [10.1.0.0/16]}
)";

TEST_CASE("a whole configuration is read", "[admin][config]") {
  mappings::Diagnostics problems;
  const auto config = ReadConfig("etc/membridge.yaml", kWhole, TestEnvironment, problems);
  REQUIRE(problems.Sorted().empty());
  REQUIRE(config.has_value());
  CHECK(config->listen.port == 8080);
  CHECK(config->admin_listen.host == "::1");
  REQUIRE(config->admin_tokens.size() == 1);
  CHECK(config->admin_tokens[0].role == Role::kAdmin);
  CHECK(config->admin_tokens[0].token == "ops-secret-0123456789");
  CHECK_FALSE(config->database.has_value());
  CHECK(config->state_dir == "etc/membridge-data");
  REQUIRE(config->projects.size() == 1);
  const ProjectConfig& project = config->projects[0];
  CHECK(project.id == ProjectId{"crm"});
  CHECK(project.api_key == "m0-secret");
  CHECK(project.base_url == "https://api.mem0.ai");
  CHECK(project.calls_per_second == 20);
  CHECK(project.webhook.public_url == "https://bridge.example.com");
  CHECK(project.webhook.events == std::vector<std::string>{"memory_add", "memory_delete"});
  CHECK(project.webhook.manage);
  CHECK(config->FindTarget("default") != nullptr);
  REQUIRE(config->FindTarget("warehouse") != nullptr);
  CHECK(config->FindTarget("warehouse")->dsn == "postgresql://writer:secret@db/warehouse");
  REQUIRE(config->mappings.size() == 2);
  CHECK(config->mappings[0].file == "etc/mappings/contacts.yaml");
  CHECK_FALSE(config->mappings[0].project.has_value());
  CHECK(config->mappings[1].file == "/srv/warehouse.yaml");
  CHECK(config->mappings[1].project == ProjectId{"crm"});
  CHECK(config->mappings[1].vars.at("tenant") == "1");
  REQUIRE(config->backfill.size() == 3);
  CHECK(config->backfill[0].export_mapping == "profile");
  CHECK(config->backfill[0].timezone == "Europe/Berlin");
  CHECK(config->backfill[2].kind == BackfillConfig::Kind::kFullSweep);
  CHECK(config->keep_deliveries == std::chrono::days{7});
  CHECK(config->max_body_bytes == 2 * 1024 * 1024);
  CHECK(config->soft_stop == std::chrono::seconds{10});
  CHECK(config->sync.workers == 3);
  CHECK(config->sync.batch == 100);
  CHECK(config->sync.read_lag == std::chrono::milliseconds{250});
  CHECK(config->sync.lease == std::chrono::seconds{30});
  CHECK(config->sync.poll == std::chrono::milliseconds{200});
  CHECK(config->http.idle == std::chrono::minutes{3});
  CHECK(config->http.connections_per_address == 64);
  CHECK(config->http.trusted_proxies.Contains(*receiver::ReadIpAddress("10.1.2.3")));
  CHECK_FALSE(config->save_mappings);
}

TEST_CASE("a database behind a pooler is one text or a map", "[admin][config]") {
  mappings::Diagnostics problems;
  const auto config = ReadConfig("membridge.yaml", R"(database: {url: "postgresql://bridge:secret@pool/state", pooled: true}
targets:
  plain: {database: {url: "postgresql://writer@db/plain"}}
  pooled: {database: {url: "postgresql://writer@pool/crm", pooled: true}}
projects: {crm: {api_key: k}}
)",
                                 TestEnvironment, problems);
  REQUIRE(config.has_value());
  CHECK(config->database == "postgresql://bridge:secret@pool/state");
  CHECK(config->FindTarget("plain")->dsn == "postgresql://writer@db/plain");
  CHECK(config->pooled == std::set<std::string>{"postgresql://bridge:secret@pool/state", "postgresql://writer@pool/crm"});
  mappings::Diagnostics wrong;
  CHECK_FALSE(ReadConfig("membridge.yaml", "database: {url: state, poled: true}\nprojects: {crm: {api_key: k}}\n",
                         TestEnvironment, wrong));
  CHECK(wrong.Sorted().size() == 2);
}

TEST_CASE("proxies that are trusted anywhere are known as such", "[R1][admin][config]") {
  mappings::Diagnostics problems;
  const auto config = ReadConfig("membridge.yaml", R"(database: embedded
admin: {trusted_proxies: [10.2.0.1], save_mappings: true}
http: {trusted_proxies: [10.1.0.0/16]}
projects:
  crm:
    api_key: k
    webhook:
      verify:
        - token
        - any:
            - ip-allow: {networks: [192.0.2.0/24], trusted_proxies: [10.3.0.1]}
            - client-certificate: {header: X-F, allowed: [a], trusted_proxies: [10.4.0.1, "2001:db8::1"]}
)",
                                 TestEnvironment, problems);
  REQUIRE(config.has_value());
  for (const char* exempt : {"127.0.0.1", "::1", "10.1.200.3", "10.2.0.1", "10.3.0.1", "10.4.0.1", "2001:db8::1"}) {
    CAPTURE(exempt);
    CHECK(MayHaveManyConnections(*config, exempt));
  }
  for (const char* bounded : {"10.0.0.1", "192.0.2.1", "2001:db8::2", ""}) {
    CAPTURE(bounded);
    CHECK_FALSE(MayHaveManyConnections(*config, bounded));
  }
}

TEST_CASE("what is left out has its documented default", "[admin][config]") {
  mappings::Diagnostics problems;
  const auto config =
      ReadConfig("membridge.yaml", "database: embedded\nprojects: {crm: {api_key: k}}\n", TestEnvironment, problems);
  REQUIRE(config.has_value());
  CHECK(config->listen.port == 8080);
  CHECK(config->admin_listen.port == 8081);
  CHECK(config->state_dir == "membridge-data");
  CHECK(config->projects[0].base_url == "https://api.mem0.ai");
  CHECK(config->projects[0].webhook.name == "membridge-crm");
  CHECK(config->projects[0].webhook.events.size() == 4);
  CHECK_FALSE(config->projects[0].webhook.manage);
  REQUIRE(config->projects[0].webhook.verify.size() == 1);
  CHECK(config->projects[0].webhook.verify[0].name == "token");
  CHECK(config->keep_deliveries == std::chrono::days{30});
  CHECK(config->keep_parked == std::chrono::days{90});
  CHECK(config->max_body_bytes == 1024 * 1024);
  CHECK(config->sync.read_lag == std::chrono::seconds{1});
  CHECK(config->http.idle == std::chrono::seconds{150});
  CHECK(config->http.connections_per_address == 256);
}

TEST_CASE("a wrong configuration is told as a user reads it", "[admin][config]") {
  const std::string kBase = "database: embedded\nprojects: {crm: {api_key: k}}\n";
  const auto [yaml, expected] = GENERATE_COPY(table<std::string, std::string>({
      {"", "etc/membridge.yaml: error: the configuration is empty or no map; it needs at least \"database\" and \"projects\"\n"},
      {"listen: 127.0.0.1:8080\n",
       "etc/membridge.yaml:1:1: error: the configuration has no \"database\"; write embedded, or postgresql://…, or give "
       "database_file\n"
       "etc/membridge.yaml:1:1: error: the configuration has no \"projects\"; name at least one, with its api_key\n"},
      {kBase + "lisen: 127.0.0.1:8080\n",
       "etc/membridge.yaml:3:1: error: unknown key \"lisen\" in the configuration; did you mean \"listen\"?\n"},
      {kBase + "database: embedded\n", "etc/membridge.yaml:3:1: error: \"database\" is given twice; the first is on line 1\n"},
      {"database: embedded\nprojects: {crm: {api_key: a}, crm: {api_key: b}}\n",
       "etc/membridge.yaml:2:31: error: \"crm\" is given twice; the first is on line 2\n"},
      {"database: mysql://x\nprojects: {crm: {api_key: k}}\n",
       "etc/membridge.yaml:1:11: error: \"database\" must be embedded, or begin with postgresql://\n"},
      {kBase + "listen: 8080\n",
       "etc/membridge.yaml:3:9: error: \"listen\" must be an address and a port; write 127.0.0.1:8080 or [::1]:8080\n"},
      {kBase + "sync: {lease: 30}\n", "etc/membridge.yaml:3:15: error: \"lease: 30\" has no unit; write 30s or 30m\n"},
      {kBase + "sync: {lease: soon}\n",
       "etc/membridge.yaml:3:15: error: \"lease\" is not a time; write a number with ms, s, m, h or d, as in 30s\n"},
      {kBase + "sync: {lease: 1s}\n",
       "etc/membridge.yaml:3:8: error: \"lease\" must be at least 5s: a claim covers a read at Mem0 and a transaction\n"},
      {kBase + "sync: {workers: 0, batch: 201, poll: 1ms}\n",
       "etc/membridge.yaml:3:17: error: \"workers\" must be a whole number from 1 to 64\n"
       "etc/membridge.yaml:3:27: error: \"batch\" must be a whole number from 1 to 200\n"
       "etc/membridge.yaml:3:32: error: \"poll\" must be at least 10ms\n"},
      {kBase + "http: {idle: 75}\n", "etc/membridge.yaml:3:14: error: \"idle: 75\" has no unit; write 75s or 75m\n"},
      {kBase + "http: {idle: 10ms}\n",
       "etc/membridge.yaml:3:8: error: \"idle\" must be from 1s to 1h, and longer than the proxy in front keeps a connection\n"},
      {kBase + "http: {trusted_proxies: [10.0.0.1/8]}\n",
       "etc/membridge.yaml:3:8: error: '10.0.0.1/8' has bits set beyond its prefix; write networks as 10.0.0.0/8\n"},
      {kBase + "http: {idel: 3m}\n", "etc/membridge.yaml:3:8: error: unknown key \"idel\" in \"http\"; did you mean \"idle\"?\n"},
      {kBase + "sync: [1]\n", "etc/membridge.yaml:3:7: error: \"sync\" must be a map: \"key: value\" lines\n"},
      {kBase + "max_body: 1048576\n",
       "etc/membridge.yaml:3:11: error: \"max_body\" must be a size from 1KiB to 64MiB; write a number with KiB or MiB, as in "
       "1MiB\n"},
      {kBase + "retention: {deliveries: 1h}\n",
       "etc/membridge.yaml:3:13: error: \"deliveries\" must be at least 1d: they are dropped by whole days\n"},
      {kBase + "soft_stop: [30s]\n", "etc/membridge.yaml:3:12: error: \"soft_stop\" must be one value, not a list\n"},
      {kBase + "mappings: contacts.yaml\n",
       "etc/membridge.yaml:3:11: error: \"mappings\" must be a list: [a, b], or lines that begin with \"- \"\n"},
      {kBase + "mappings: [{file: a.yaml, project: crn, target: warehouse}]\n",
       "etc/membridge.yaml:3:36: error: no project \"crn\"; did you mean \"crm\"?\n"
       "etc/membridge.yaml:3:49: error: no target \"warehouse\"; known are default\n"},
      {kBase + "mappings:\n  - a/people.yaml\n  - {file: b/people.yaml, project: crm}\n",
       "etc/membridge.yaml:5:5: error: two mappings for one project are named \"people\"; the first is on line 4; rename one of "
       "the files\n"},
      {kBase + "targets: {shop: {database: elsewhere}}\n",
       "etc/membridge.yaml:3:28: error: a target's \"database\" must be state, or begin with postgresql://\n"},
      {kBase + "admin: {tokens: [{name: ops, role: amdin, token: 0123456789abcdef}, {role: viewer}]}\n",
       "etc/membridge.yaml:3:36: error: unknown role \"amdin\"; did you mean \"admin\"?\n"
       "etc/membridge.yaml:3:69: error: a token has no \"name\"; a name tells tokens apart in the log\n"
       "etc/membridge.yaml:3:69: error: a token has no \"token\"; write token: \"${MEMBRIDGE_ADMIN_TOKEN}\", or give "
       "token_file\n"},
      {kBase + "backfill:\n  - {name: s, project: crm, sweep: ful, schedule: '0 3 * *'}\n  - {name: s, project: crm, schedule: "
               "'0 3 * * *'}\n",
       "etc/membridge.yaml:4:36: error: unknown sweep \"ful\"; did you mean \"full\"?\n"
       "etc/membridge.yaml:4:51: error: schedule \"0 3 * *\" has 4 fields, not five; write minute hour day-of-month month "
       "day-of-week, like \"0 3 * * *\"\n"
       "etc/membridge.yaml:5:5: error: a backfill is either an \"export\" or a \"sweep\"; write export: MAPPING, sweep: "
       "incremental or "
       "sweep: full\n"
       "etc/membridge.yaml:5:6: error: two backfills are named \"s\"; the first is on line 4\n"},
      {"database: embedded\nprojects: {}\n",
       "etc/membridge.yaml:2:1: error: \"projects\" is empty; name at least one, with its api_key\n"},
      {"database: embedded\nprojects: {Crm/1: {api_key: k}}\n",
       "etc/membridge.yaml:2:12: error: \"Crm/1\" cannot name a project; use up to 63 of a-z, 0-9, - and _\n"},
      {"a: [b\n",
       "etc/membridge.yaml:2:1: error: YAML: end of sequence flow not found; inside { } YAML itself reads "
       "? : , [ ] { } # & * ! | > ' \" % @; quote a value that holds one of them, or write the map one line per entry\n"},
  }));
  CAPTURE(yaml);
  CHECK(ProblemsOf(yaml) == expected);
}

TEST_CASE("a wrong project is told as a user reads it", "[admin][config]") {
  const auto [project, expected] = GENERATE(table<std::string, std::string>({
      {"{}",
       "etc/membridge.yaml:3:3: error: project \"crm\" has no \"api_key\"; write api_key: ${MEM0_API_KEY}, or give "
       "api_key_file\n"},
      {"{api_key: '${MEM0_KEY}'}", "etc/membridge.yaml:3:18: error: ${MEM0_KEY} is not set; export MEM0_KEY before starting\n"},
      {"{api_key: '${MEM0-KEY}'}",
       "etc/membridge.yaml:3:18: error: \"${...}\" takes the name of an environment variable: letters, digits and _; nothing "
       "else is "
       "substituted\n"},
      {"{api_key: '${MEM0'}", "etc/membridge.yaml:3:18: error: \"${\" without its \"}\"; write ${NAME}\n"},
      {"{api_key: k, api_key_file: f}",
       "etc/membridge.yaml:3:21: error: project \"crm\" has both \"api_key\" and \"api_key_file\"; give one\n"},
      {"{api_key_file: /nowhere/key}",
       "etc/membridge.yaml:3:23: error: \"/nowhere/key\" is empty or cannot be read; it must hold the API key and nothing "
       "else\n"},
      {"{api_key: k, base_url: api.mem0.ai}",
       "etc/membridge.yaml:3:31: error: \"base_url\" must be http(s)://host without user, query or fragment; write "
       "https://host.example.com\n"},
      {"{api_key: k, webhok: {}}",
       "etc/membridge.yaml:3:21: error: unknown key \"webhok\" in project \"crm\"; did you mean \"webhook\"?\n"},
      {"{api_key: k, webhook: {manage: true}}",
       "etc/membridge.yaml:3:31: error: \"manage: true\" needs \"public_url\": the address Mem0 reaches this bridge at\n"},
      {"{api_key: k, webhook: {manage: yes}}", "etc/membridge.yaml:3:39: error: \"manage\" must be true or false\n"},
      {"{api_key: k, webhook: {events: ['memory:add']}}",
       "etc/membridge.yaml:3:40: error: unknown event \"memory:add\"; did you mean \"memory_add\"?\n"},
      {"{api_key: k, webhook: {events: []}}",
       "etc/membridge.yaml:3:31: error: \"events\" is empty; leave it out for the four memory events\n"},
      {"{api_key: k, webhook: {verify: []}}",
       "etc/membridge.yaml:3:39: error: an empty \"verify\" is refused; write verify: [token], or spell out verify: none\n"},
      {"{api_key: k, webhook: {verify: [tokn]}}",
       "etc/membridge.yaml:3:40: error: unknown verification \"tokn\"; did you mean \"token\"?\n"},
      {"{api_key: k, webhook: {verify: none}}",
       "etc/membridge.yaml:3:39: warning: anyone who knows the URL can mark memories for reading: \"verify: none\" checks "
       "nothing\n"},
      {"{api_key: k, webhook: {verify: [hmac]}}", "etc/membridge.yaml:3:40: error: \"hmac\" needs options; write {hmac: {…}}\n"},
      {"{api_key: k, webhook: {verify: [{token: {}, none: {}}]}}",
       "etc/membridge.yaml:3:40: error: a verification is one name, or one name with its options\n"},
      {"{api_key: k, webhook: {verify: [{hmac: {header: X-Sig, secrets: [s3cret], algorithm: md5}}]}}",
       "etc/membridge.yaml:3:93: error: unknown algorithm \"md5\"; known are sha1, sha256, sha512\n"},
      {"{api_key: k, webhook: {verify: [{ip-allow: {networks: [10.0.0.0/40]}}]}}",
       "etc/membridge.yaml:3:41: error: ip-allow: '10.0.0.0/40' has no valid prefix length\n"},
      {"{api_key: k, webhook: {verify: [{any: []}]}}",
       "etc/membridge.yaml:3:46: error: \"any\" takes a list; write {any: [token, …]}\n"},
      {"{api_key: k, webhook: {verify: [all]}}",
       "etc/membridge.yaml:3:40: error: \"all\" takes a list; write {all: [token, …]}\n"},
      {"{api_key: k, webhook: {verify: [{any: [token, none]}]}}",
       "etc/membridge.yaml:3:54: error: \"none\" inside \"any\" means nothing; leave it out\n"},
      {"{api_key: k, webhook: {verify: [{any: [token, tokn]}]}}",
       "etc/membridge.yaml:3:54: error: unknown verification \"tokn\"; did you mean \"token\"?\n"},
      {"{api_key: k, webhook: {check_every: 10ms}}", "etc/membridge.yaml:3:31: error: \"check_every\" must be at least 1s\n"},
      {"{api_key: k, webhook: {verify: [token, none]}}",
       "etc/membridge.yaml:3:39: error: \"none\" has no effect beside other verifications; leave it out\n"
       "etc/membridge.yaml:3:47: warning: anyone who knows the URL can mark memories for reading: \"verify: none\" checks "
       "nothing\n"},
  }));
  CAPTURE(project);
  CHECK(ProblemsOf("database: embedded\nprojects:\n  crm: " + project + "\n") == expected);
}

TEST_CASE("every verification is read with its options", "[admin][config]") {
  mappings::Diagnostics problems;
  const auto config = ReadConfig("membridge.yaml", R"(database: embedded
projects:
  crm:
    api_key: k
    webhook:
      verify:
        - token
        - standard-webhooks: {secrets: [whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD], tolerance: 2m}
        - hmac: {header: X-Signature, algorithm: sha512, encoding: base64, prefix: "v0=", secrets: [a, b],
                 signed: "{timestamp}.{body}", timestamp_header: X-Time}
        - basic: [{user: mem0, password: "${MEM0_API_KEY}"}]
        - ip-allow: {networks: [192.0.2.0/24, 2001:db8::/32], trusted_proxies: [127.0.0.1]}
        - client-certificate: {header: X-Client-Fingerprint, allowed: [abc], trusted_proxies: [127.0.0.1]}
)",
                                 TestEnvironment, problems);
  for (const auto& problem : problems.Sorted()) CHECK(problem.Text() == "");
  REQUIRE(config.has_value());
  const auto& schemes = config->projects[0].webhook.verify;
  REQUIRE(schemes.size() == 6);
  CHECK(schemes[0].verifier == nullptr);
  for (std::size_t i = 1; i < schemes.size(); ++i) CHECK(schemes[i].verifier != nullptr);
}

TEST_CASE("verifications are combined as written", "[admin][config]") {
  mappings::Diagnostics problems;
  const auto config = ReadConfig("membridge.yaml", R"(database: embedded
projects:
  crm:
    api_key: k
    webhook:
      overlap: 7d
      check_every: 1m
      verify:
        - ip-allow: {networks: [192.0.2.0/24]}
        - any: [token, {all: [{basic: [{user: a, password: b}]}, token]}]
)",
                                 TestEnvironment, problems);
  for (const auto& problem : problems.Sorted()) CHECK(problem.Text() == "");
  REQUIRE(config.has_value());
  const auto& webhook = config->projects[0].webhook;
  CHECK(webhook.overlap == std::chrono::days{7});
  CHECK(webhook.check_every == std::chrono::minutes{1});
  REQUIRE(webhook.verify.size() == 2);
  CHECK(webhook.verify[1].name == "any");
  REQUIRE(webhook.verify[1].parts.size() == 2);
  CHECK(webhook.verify[1].parts[0].name == "token");
  CHECK(webhook.verify[1].parts[1].name == "all");
  CHECK(webhook.verify[1].parts[1].parts.size() == 2);
}

TEST_CASE("no message holds a secret", "[admin][config]") {
  const std::string problems = ProblemsOf(
      "database: 'mysql://user:hunter2@db'\n"
      "projects:\n  crm: {api_key: [hunter2], base_url: 'https://user:hunter2@host'}\n  two: {api_key: "
      "'${MEM0_API_KEY}${ABSENT}'}\n"
      "targets: {w: {database: 'mysql://hunter2'}}\n");
  CHECK(problems.find("hunter2") == std::string::npos);
  CHECK(problems.find("m0-secret") == std::string::npos);
  CHECK(problems.find("ABSENT") != std::string::npos);
}

TEST_CASE("a configuration that cannot be read is told", "[admin][config]") {
  for (const std::string file : {"/nowhere/membridge.yaml", "/"}) {
    mappings::Diagnostics problems;
    CHECK_FALSE(LoadConfig(file, TestEnvironment, problems).has_value());
    REQUIRE(problems.Sorted().size() == 1);
    CHECK(problems.Sorted()[0].Text() == file +
                                             ": error: cannot be read; give the configuration with --config FILE, or name it in "
                                             "MEMBRIDGE_CONFIG");
  }
}

}  // namespace
}  // namespace membridge::admin
