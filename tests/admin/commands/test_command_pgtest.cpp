// `membridge test`: cases on a target that has rows of its own, and in a private server that has none.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "tests/admin/commands/spoken.hpp"
#include "tests/admin/text_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::admin {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> NoVariable(const std::string&) {
  return std::nullopt;
}

std::string ConfigFor(const std::string& dsn, const std::string& mapping) {
  return fmt::format("database: \"{}\"\nprojects: {{crm: {{api_key: k, base_url: \"http://127.0.0.1:1\"}}}}\nmappings: [{}]\n",
                     dsn, mapping);
}

std::size_t ScratchFolders() {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator{fs::temp_directory_path()})
    count += entry.path().filename().string().starts_with("membridge-scratch-") ? 1U : 0U;
  return count;
}

constexpr const char* kPeople = "CREATE TABLE people (id serial PRIMARY KEY, user_id text UNIQUE, city text);";
constexpr const char* kMapping = R"(rows:
  person: {table: people, key: {user_id: $memory.user_id}, set: {city: $memory.metadata.city}}
tests:
  a new person:
    - memory: {id: m1, user_id: ada, metadata: {city: Rome}}
    - then: {people: [{user_id: ada, city: Rome}]}
  a person who is there:
    - given: {people: [{user_id: bob}]}
    - memory: {id: m1, user_id: bob, metadata: {city: Rome}}
    - then: {people: [{user_id: bob, city: Rome}]}
)";

}  // namespace

TEST_CASE("a case that a row of the target disturbs names the row, and holds in a private server", "[N3][commands][pg]") {
  const test::PgDatabase db;
  db.RunScript(std::string{kPeople} + "INSERT INTO people (user_id, city) VALUES ('ada', 'Paris'), ('bob', 'Oslo');");
  const test::TextFile mapping{"people.yaml", kMapping};
  const test::TextFile config{"membridge.yaml", ConfigFor(db.Dsn(), mapping.path())};
  const Spoken on_target = SayIn(NoVariable, {"test", "--config", config.path()});
  CHECK(on_target.status == kFoundProblems);
  CAPTURE(on_target.out, on_target.err);
  CHECK(
      on_target.out.find("not the case's own, but a row of the target: public.people {\"id\":\"1\"}; name something in the case "
                         "that no row there has, or run it with --scratch\n") != std::string::npos);
  CHECK(
      on_target.out.find("PostgreSQL: 23505 duplicate key value violates unique constraint \"people_user_id_key\": Key "
                         "(user_id)=(bob) already exists. If no step of the case made that row, it is one of the target: run the "
                         "case with --scratch\n") != std::string::npos);
  CHECK(on_target.out.find("Paris") == on_target.out.find("'Paris'") + 1);  // in the plan of the step, and nowhere else
  CHECK(on_target.out.find("0 passed, 2 failed\n") != std::string::npos);

  const std::size_t before = ScratchFolders();
  const Spoken scratch = SayIn(NoVariable, {"test", "--config", config.path(), "--scratch"});
  CHECK(scratch.err == "");
  CHECK(scratch.out == "2 passed, 0 failed\n");
  CHECK(scratch.status == kDone);
  CHECK(ScratchFolders() == before);
  CHECK(db.Count("people") == 2);
}

TEST_CASE("a private server is made of a schema file without the target", "[N3][commands][pg]") {
  const test::TextFile mapping{"people.yaml", kMapping};
  const test::TextFile config{"membridge.yaml", ConfigFor("postgresql://ada@127.0.0.1:1/crm", mapping.path())};
  const auto with = [&](const std::string& schema) {
    const test::TextFile file{"schema.sql", schema};
    Spoken spoken = SayIn(NoVariable, {"test", "--config", config.path(), "--scratch", "--schema", file.path(), "--json"});
    const auto at = spoken.err.find(file.path());
    if (at != std::string::npos) spoken.err.replace(at, file.path().size(), "schema.sql");
    return spoken;
  };
  const Spoken right = with(std::string{"\\restrict x\n"} + kPeople + "\n\\unrestrict x\n");
  CHECK(right.err == "");
  CHECK(nlohmann::json::parse(right.out)["passed"] == 2);
  CHECK(right.status == kDone);
  CHECK(with("CREATE TABLE people (id serial PRIMARY KEY, user_id txt);")
            .err.find("schema.sql: PostgreSQL: type \"txt\" does not exist") != std::string::npos);
  CHECK(with("\\connect crm\n").err.find("schema.sql:1: a command of psql, not SQL") != std::string::npos);
  CHECK(with(std::string{kPeople} + "\nCOPY people (id) FROM stdin;\n1\n\\.\n")
            .err.find("schema.sql:2: rows follow here, and a scratch database has none") != std::string::npos);
  CHECK(with("CREATE TABLE persons (id serial PRIMARY KEY);").status == kBadUsage);
  const Spoken missing = SayIn(NoVariable, {"test", "--config", config.path(), "--scratch", "--schema", "/nowhere/schema.sql"});
  CHECK(missing.status == kFoundProblems);
  CHECK(missing.err.find("/nowhere/schema.sql cannot be read") != std::string::npos);
  CHECK(SayIn(NoVariable, {"test", "--config", config.path(), "--schema", "schema.sql"}).status == kBadUsage);
}

TEST_CASE("a private server has the rights, policies and settings of the target's role", "[N3][commands][pg]") {
  const test::PgDatabase db;
  const std::string role = fmt::format("narrow_{}", getpid());
  const std::string app = fmt::format("app_{}", getpid());
  db.RunScript(fmt::format(R"sql(
    CREATE ROLE {0} LOGIN; CREATE ROLE {1} NOLOGIN; GRANT {1} TO {0};
    CREATE SCHEMA shop;
    CREATE TYPE shop.tier AS ENUM ('free', 'pro');
    CREATE TABLE shop.people (id serial PRIMARY KEY, tenant text NOT NULL DEFAULT current_setting('app.tenant'),
                              user_id text NOT NULL, tier shop.tier, UNIQUE (tenant, user_id));
    ALTER TABLE shop.people ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON shop.people TO {1} USING (tenant = current_setting('app.tenant'));
    GRANT USAGE ON SCHEMA shop TO {0}, {1};
    GRANT SELECT, INSERT, UPDATE ON shop.people TO {1}; GRANT USAGE ON SEQUENCE shop.people_id_seq TO {1};
    DO $$ BEGIN EXECUTE format('ALTER ROLE {0} IN DATABASE %I SET search_path TO shop', current_database());
                EXECUTE format('ALTER ROLE {0} IN DATABASE %I SET app.tenant TO %L', current_database(), 'acme'); END $$;
    INSERT INTO shop.people (tenant, user_id) VALUES ('acme', 'ada');
  )sql",
                           role, app));
  const test::TextFile mapping{"people.yaml", fmt::format(R"(session: {{role: {}}}
rows:
  person: {{table: people, key: {{tenant: acme, user_id: $memory.user_id}}, set: {{tier: $memory.metadata.tier}}}}
tests:
  a new person:
    - memory: {{id: m1, user_id: ada, metadata: {{tier: pro}}}}
    - then: {{people: [{{user_id: ada, tenant: acme, tier: pro}}]}}
  what the policy forbids parks:
    - parks: {{memory: {{id: m1, user_id: ada, metadata: {{tier: gold}}}}, because: invalid input value for enum}}
)",
                                                          app)};
  const test::TextFile config{"membridge.yaml", ConfigFor(db.Dsn() + " user=" + role, mapping.path())};
  const Spoken spoken = SayIn(NoVariable, {"test", "--config", config.path(), "--scratch"});
  CHECK(spoken.err == "");
  CHECK(spoken.out == "2 passed, 0 failed\n");
  CHECK(db.Count("shop.people") == 1);
  db.RunScript(fmt::format("DROP OWNED BY {0}, {1}; DROP ROLE {0}; DROP ROLE {1}", role, app));
}

}  // namespace membridge::admin
