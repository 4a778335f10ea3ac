// What the browser test looks at: a local Mem0, a PostgreSQL with the example CRM, and `membridge serve` between the two.
//   membridge_page_world MAPPING…
// prints one line of JSON with the addresses once everything answers, and ends when its standard input does.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "receiver/verify/token.hpp"
#include "tests/support/bridge.hpp"
#include "tests/support/mem0_sim.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::test {
namespace {

constexpr const char* kApiKey = "m0-page-secret-key";

/// The example CRM with two rules of its own, so that there are memories which cannot be applied; and a table for an export.
void MakeTables(const PgDatabase& database) {
  std::ifstream stream(MEMBRIDGE_SOURCE "/deploy/example-schema.sql");
  database.RunScript({std::istreambuf_iterator<char>(stream), {}});
  database.RunScript(R"(
    ALTER TABLE crm.contacts ADD CONSTRAINT a_real_company CHECK (company <> 'Nowhere');
    ALTER TABLE crm.contacts ADD CONSTRAINT a_real_name CHECK (name <> 'Nobody');
    CREATE TABLE crm.profiles (user_ref text PRIMARY KEY, job text, updated_at timestamptz);
    COMMENT ON COLUMN crm.profiles.job IS 'Current job title')");
}

void AddSource(BridgeOptions& options, const PgDatabase& database, const PgDatabase& own, const ScratchFolder& folder) {
  own.RunScript("CREATE TABLE memories (id uuid PRIMARY KEY, vector text, payload jsonb)");
  database.RunScript("CREATE TABLE own_notes (memory_id text PRIMARY KEY, who text, body text)");
  const auto file = folder.path() / "own_notes.yaml";
  std::ofstream{file} << "rows: {note: {table: own_notes, key: {memory_id: $memory.id}, set: {who: $memory.user_id, body: "
                         "$memory.text}, gone: delete}}\n";
  options.more_projects = fmt::format("  own:\n    source: {{postgres: \"{}\", poll: 1s, sweep: 2s}}\n", own.Dsn());
  options.own_mappings = fmt::format("  - {{file: \"{}\", project: own}}\n", file.string());
  options.mapping_project = "crm";
}

void Show(int mappings, char** mapping) {
  Mem0Sim mem0{{.api_key = kApiKey, .project_id = "proj_page"}};
  const Cluster cluster;
  const PgDatabase database{cluster};
  MakeTables(database);
  BridgeOptions options;
  options.database = database.Dsn();
  options.mem0_url = mem0.BaseUrl();
  options.api_key = kApiKey;
  options.manage = false;
  options.mapping = mapping[0];
  options.more_mappings.assign(mapping + 1, mapping + mappings);
  const std::string admin = receiver::MakeToken();
  options.admin_tokens = fmt::format("[{{name: ops, role: admin, token: \"{}\"}}]", admin);
  // Far away, so that nothing runs but what the test asks for.
  options.backfill =
      "[{name: nightly, project: crm, export: profile, schedule: \"0 3 29 2 *\"}, "
      "{name: quick, project: crm, sweep: incremental, schedule: \"0 3 29 2 *\"}, "
      "{name: weekly, project: crm, sweep: full, schedule: \"0 4 29 2 *\", timezone: Europe/Berlin}]";
  if (const char* feeds = std::getenv("PAGE_WORLD_FEEDS"); feeds != nullptr) {
    options.targets = "{default: {database: state, feed: true}}";
    options.feeds = feeds;
  }
  // A second project: a Mem0 of one's own, whose table stands in a database of its own.
  const PgDatabase own{cluster, PgDatabase::Content::kBare};
  const ScratchFolder folder;
  if (std::getenv("PAGE_WORLD_SOURCE") != nullptr) AddSource(options, database, own, folder);
  if (std::getenv("PAGE_WORLD_SAVES") != nullptr) options.admin = "  save_mappings: true\n";
  Bridge bridge{options};
  bridge.Start();
  const nlohmann::json addresses{{"page_address", bridge.AdminUrl()},
                                 {"receiver", bridge.Url()},
                                 {"mem0", mem0.BaseUrl()},
                                 {"mem0_project", mem0.ProjectId()},
                                 {"mem0_key", kApiKey},
                                 {"dsn", database.Dsn()},
                                 {"own_dsn", own.Dsn()},
                                 {"admin_token", admin},
                                 {"log_file", (bridge.Folder() / "log").string()}};
  std::cout << addresses.dump() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
  }
  if (bridge.Terminate() != 0) throw std::runtime_error("the bridge did not end cleanly:\n" + bridge.Log());
}

}  // namespace
}  // namespace membridge::test

int main(int count, char** arguments) {
  try {
    if (count < 2) throw std::runtime_error("usage: membridge_page_world MAPPING…");
    membridge::test::Show(count - 1, arguments + 1);
    return 0;
  } catch (const std::exception& failure) {
    fmt::print(stderr, "{}\n", failure.what());
    return 1;
  }
}
