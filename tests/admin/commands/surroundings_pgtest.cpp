// What check, doctor, status, fields and init say of databases, rights and Mem0 as they really are.
#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/admin/commands/spoken.hpp"
#include "tests/admin/text_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mem0_sim.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::admin {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> NoVariables(const std::string&) {
  return std::nullopt;
}

std::string DsnAs(const std::string& dsn, const std::string& role) {
  if (dsn.find("://") == std::string::npos) return dsn + " user=" + role;
  return dsn + (dsn.find('?') == std::string::npos ? "?" : "&") + "user=" + role;
}

/// A configuration of four lines, so that places can be told: 1 database, 4 key, 5 address of Mem0.
std::string ConfigOf(const std::string& dsn, const test::Mem0Sim& mem0, const std::string& key) {
  return fmt::format("database: \"{}\"\nprojects:\n  crm:\n    api_key: {}\n    base_url: {}\n", dsn, key, mem0.BaseUrl());
}

Spoken SayWith(const std::string& config, std::vector<std::string> words) {
  words.insert(words.end(), {"--config", config});
  // `serve` blocks the signals that end it; children of this program would inherit that and could not be ended.
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  Spoken spoken = SayIn(NoVariables, words);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return spoken;
}

/// A role that may connect and nothing else; gone with the object.
struct BareRole {
  explicit BareRole(const test::PgDatabase& database) : db(database) { db.RunScript("CREATE ROLE " + name + " LOGIN"); }
  ~BareRole() {
    try {
      db.RunScript("DROP OWNED BY " + name + "; DROP ROLE " + name);
    } catch (const sync::postgres::SqlFailure&) {
      // The server may be gone; the role goes with it.
    }
  }
  const test::PgDatabase& db;
  const std::string name = fmt::format("bare_{}", getpid());
};

TEST_CASE("check tells a key that Mem0 refuses at its place, and exits 1", "[N2][commands][pg][sim]") {
  const test::PgDatabase db;
  const test::Mem0Sim mem0;
  const test::TextFile config{"membridge.yaml", ConfigOf(db.Dsn(), mem0, "m0-of-somebody-else")};
  const Spoken spoken = SayWith(config.path(), {"check"});
  CHECK(spoken.status == kFoundProblems);
  CHECK(spoken.err.rfind(config.path() + ":4:", 0) == 0);
  CHECK(spoken.err.find("error: project \"crm\": Mem0 refuses the API key; copy a valid key") != std::string::npos);
  CHECK(spoken.err.find("1 problem in 1 file") != std::string::npos);
  CHECK(spoken.err.find("m0-of-somebody-else") == std::string::npos);
  const test::TextFile right{"membridge.yaml", ConfigOf(db.Dsn(), mem0, mem0.ApiKey())};
  CHECK(SayWith(right.path(), {"check"}).err == "");
  CHECK(SayWith(right.path(), {"check"}).status == kDone);
}

TEST_CASE("check tells a database that is down, or not there, at its place, and exits 1", "[N2][commands][pg][sim]") {
  const test::PgDatabase db;
  const test::Mem0Sim mem0;
  const test::TextFile down{"membridge.yaml", ConfigOf("postgresql://ada@127.0.0.1:1/crm", mem0, mem0.ApiKey())};
  for (const auto& words : std::vector<std::vector<std::string>>{{"check"}, {"serve"}}) {
    const Spoken spoken = SayWith(down.path(), words);
    INFO(words.front());
    CHECK(spoken.status == kFoundProblems);
    CHECK(spoken.err.rfind(down.path() + ":1:", 0) == 0);
    CHECK(spoken.err.find("; start PostgreSQL there, or correct host and port in the DSN\n") != std::string::npos);
  }
  const test::TextFile missing{"membridge.yaml",
                               ConfigOf(test::Cluster::Shared().Dsn("there_is_no_such_database"), mem0, mem0.ApiKey())};
  const Spoken spoken = SayWith(missing.path(), {"check"});
  CHECK(spoken.status == kFoundProblems);
  CHECK(spoken.err.find("create the database") != std::string::npos);
}

TEST_CASE("check tells a role without any right what to grant, and exits 1; serve does the same", "[N2][commands][pg][sim]") {
  const test::Mem0Sim mem0;
  for (const auto content : {test::PgDatabase::Content::kMigrated, test::PgDatabase::Content::kBare}) {
    const test::PgDatabase db{content};
    const BareRole role{db};
    const test::TextFile config{"membridge.yaml", ConfigOf(DsnAs(db.Dsn(), role.name), mem0, mem0.ApiKey())};
    for (const auto& words : std::vector<std::vector<std::string>>{{"check"}, {"serve"}}) {
      const Spoken spoken = SayWith(config.path(), words);
      INFO(spoken.err);
      CHECK(spoken.status == kFoundProblems);
      CHECK(spoken.out.empty());
      CHECK(spoken.err.rfind(config.path() + ":1:", 0) == 0);
      CHECK(spoken.err.find(role.name) != std::string::npos);
      CHECK(spoken.err.find("GRANT ") != std::string::npos);
    }
  }
}

TEST_CASE("a file that is wrong exits 2, whatever the surroundings are", "[N2][commands][pg][sim]") {
  const test::Mem0Sim mem0;
  const test::TextFile config{
      "membridge.yaml", ConfigOf("postgresql://ada@127.0.0.1:1/crm", mem0, mem0.ApiKey()) + "mappings: [/nowhere/people.yaml]\n"};
  const Spoken spoken = SayWith(config.path(), {"check", "--json"});
  CHECK(spoken.status == kBadUsage);
  const auto json = nlohmann::json::parse(spoken.out);
  CHECK(json["ok"] == false);
  CHECK(json["problems"].size() == 2);
}

TEST_CASE("deliveries replay without a filter replays nothing", "[N7][commands][pg]") {
  const test::PgDatabase db;
  const test::Mem0Sim mem0;
  const test::TextFile config{"membridge.yaml", ConfigOf(db.Dsn(), mem0, "k")};
  for (const auto& words : std::vector<std::vector<std::string>>{{"deliveries", "replay"}, {"deliveries", "replay", "--yes"}}) {
    const Spoken spoken = SayWith(config.path(), words);
    CHECK(spoken.status == kBadUsage);
    CHECK(spoken.err ==
          "error: no filter was given; name a delivery with --id, give a filter such as --since 2h, or say --all\n");
  }
  CHECK(SayWith(config.path(), {"deliveries", "replay", "--all"}).status == kDone);
  CHECK(SayWith(config.path(), {"deliveries", "replay", "--since", "2h", "--yes"}).status == kDone);
}

TEST_CASE("doctor lists every precondition, with what to do", "[operate][commands][pg][sim]") {
  const test::PgDatabase db;
  const test::Mem0Sim mem0;
  const test::TextFile config{"membridge.yaml",
                              ConfigOf(db.Dsn(), mem0, "m0-of-somebody-else") + "admin: {listen: \"127.0.0.1:1\"}\n"};
  const Spoken spoken = SayWith(config.path(), {"doctor", "--json"});
  CHECK(spoken.status == kFoundProblems);
  const auto json = nlohmann::json::parse(spoken.out);
  CHECK(json["ok"] == false);
  std::map<std::string, std::string> states;
  for (const auto& check : json["checks"]) states.emplace(check["check"], check["state"]);
  CHECK(states["Mem0 project crm"] == "fix this");
  CHECK(states["database"] == "ok");
  CHECK(states["clock"] == "ok");
  CHECK(states["mappings"] == "ok");
  CHECK(states["version"] == "ok");
  CHECK(states["webhook crm"] == "note");
  CHECK(states["serve"] == "note");
  const std::string text = SayWith(config.path(), {"doctor"}).out;
  CHECK(text.find("fix this  Mem0 project crm: ") != std::string::npos);
  CHECK(text.find("\x1b[") == std::string::npos);
}

TEST_CASE("status tells on one screen how the bridge is doing", "[operate][commands][pg][sim]") {
  const test::PgDatabase db;
  const test::Mem0Sim mem0;
  const test::TextFile config{"membridge.yaml", ConfigOf(db.Dsn(), mem0, "k") + "admin: {listen: \"127.0.0.1:1\"}\n"};
  const Spoken spoken = SayWith(config.path(), {"status"});
  CHECK(spoken.err == "");
  CHECK(spoken.status == kFoundProblems);  // nothing runs
  CHECK(spoken.out.find("not running") != std::string::npos);
  CHECK(spoken.out.find("every memory has been read") != std::string::npos);
  CHECK(spoken.out.find("none in the last two days") != std::string::npos);
  const auto json = nlohmann::json::parse(SayWith(config.path(), {"status", "--json"}).out);
  CHECK(json["state"] == "not running");
  CHECK(json["to_be_read"] == 0);
  CHECK(json["kept"] == 0);
  CHECK(spoken.out.find("disagreements  none between memories and people\n") != std::string::npos);
}

TEST_CASE("fields tells what memories hold without what they say", "[operate][commands][pg][sim]") {
  const test::PgDatabase db;
  test::Mem0Sim mem0;
  mem0.Add("ada", "Lives in Rome", {{"city", "Rome"}, {"budget", 1200}, {"plan", {{"tier", "gold"}}}}, {"travel"}, false);
  mem0.Add("bob", "Lives in Oslo", {{"city", "Oslo"}}, {"travel", "home"}, false);
  const test::TextFile config{"membridge.yaml", ConfigOf(db.Dsn(), mem0, mem0.ApiKey())};
  const Spoken spoken = SayWith(config.path(), {"fields", "--json"});
  CHECK(spoken.status == kDone);
  const auto project = nlohmann::json::parse(spoken.out)["projects"][0];
  CHECK(project["from"] == "mem0");
  CHECK(project["memories"] == 2);
  CHECK(project["belong_to"]["user_id"] == 2);
  CHECK(project["categories"][0] == nlohmann::json{{"category", "travel"}, {"memories", 2}});
  std::map<std::string, nlohmann::json> fields;
  for (const auto& field : project["fields"]) fields[field["field"]] = field;
  CHECK(fields.at("memory.metadata.city")["share"] == 1.0);
  CHECK(fields.at("memory.metadata.budget")["types"] == nlohmann::json{{"integer", 1}});
  CHECK(fields.count("memory.metadata.plan.tier") == 1);
  const std::string text = SayWith(config.path(), {"fields"}).out;
  CHECK(text.find("$memory.metadata.city") != std::string::npos);
  for (const char* said : {"Rome", "Oslo", "1200", "gold"}) {
    CHECK(text.find(said) == std::string::npos);
    CHECK(spoken.out.find(said) == std::string::npos);
  }
}

struct Folder {
  Folder() {
    std::string made = fs::temp_directory_path() / "membridge-init-XXXXXX";
    REQUIRE(mkdtemp(made.data()) != nullptr);
    path = made;
  }
  ~Folder() { fs::remove_all(path); }
  fs::path path;
};

/// The variables that a file of `export NAME='value'` lines sets.
std::map<std::string, std::string> VariablesIn(const fs::path& file) {
  std::map<std::string, std::string> variables;
  std::ifstream stream{file};
  for (std::string line; std::getline(stream, line);) {
    if (line.rfind("export ", 0) != 0) continue;
    const std::size_t equals = line.find('=');
    std::string value = line.substr(equals + 2, line.size() - equals - 3);
    for (std::size_t at; (at = value.find("'\\''")) != std::string::npos;) value.replace(at, 4, "'");
    variables[line.substr(7, equals - 7)] = std::move(value);
  }
  return variables;
}

TEST_CASE("init writes files that check and test accept right away, and overwrites nothing", "[operate][commands][pg][sim]") {
  const test::PgDatabase db;
  const test::Mem0Sim mem0;
  const Folder folder;
  db.RunScript(
      "CREATE TYPE stage AS ENUM ('new', 'won');"
      "CREATE TABLE teams (id serial PRIMARY KEY, name text NOT NULL); INSERT INTO teams (name) VALUES ('sales');"
      "CREATE TABLE customers (id serial PRIMARY KEY, external_id varchar(64) NOT NULL UNIQUE, email text UNIQUE, name "
      "varchar(20), "
      "  notes text, team_id integer NOT NULL REFERENCES teams, stage stage NOT NULL, score numeric(6,2), slug text NOT NULL "
      "UNIQUE, "
      "  size text CHECK (size IN ('s', 'm')), created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL DEFAULT now(), "
      "  full_text text GENERATED ALWAYS AS (name || ' ' || notes) STORED)");
  const Environment outside = [&](const std::string& name) -> std::optional<std::string> {
    if (name == "MEM0_API_KEY") return mem0.ApiKey();
    if (name == "MEM0_BASE_URL") return mem0.BaseUrl();
    return std::nullopt;
  };
  const std::vector<std::string> line{"init", "--from-database", db.Dsn(), "--dir", folder.path.string()};
  const Spoken made = SayIn(outside, line);
  INFO(made.err << made.out);
  REQUIRE(made.status == kDone);
  const auto variables = VariablesIn(folder.path / "membridge.env");
  CHECK((fs::status(folder.path / "membridge.env").permissions() & fs::perms::all) ==
        (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(variables.at("MEMBRIDGE_CONFIG") == (folder.path / "membridge.yaml").string());
  const Environment sourced = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional{found->second};
  };
  const Spoken checked = SayIn(sourced, {"check"});
  INFO(checked.err);
  CHECK(checked.status == kDone);
  const Spoken tested = SayIn(sourced, {"test"});
  INFO(tested.err << tested.out);
  CHECK(tested.out == "1 passed, 0 failed\n");
  CHECK(tested.status == kDone);

  const Spoken again = SayIn(outside, line);
  CHECK(again.status == kBadUsage);
  CHECK(again.err.find("is there already, and nothing was written; choose another --dir, or say --force\n") != std::string::npos);
  CHECK(VariablesIn(folder.path / "membridge.env") == variables);
  auto forced = line;
  forced.emplace_back("--force");
  CHECK(SayIn(outside, forced).status == kDone);
  auto wrong = forced;
  wrong.insert(wrong.end(), {"--table", "custmers"});
  CHECK(SayIn(outside, wrong).err.find("the database has no table \"custmers\"; did you mean \"customers\"?") !=
        std::string::npos);
  CHECK(SayIn(outside, {"init", "--json"}).err.find("say --from-database") != std::string::npos);
}

}  // namespace
}  // namespace membridge::admin
