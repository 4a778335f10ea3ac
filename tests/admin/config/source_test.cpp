#include "admin/config/config.hpp"
#include "admin/config/shown_config.hpp"
#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

std::optional<Config> ReadProjects(const std::string& projects, std::string& problems) {
  mappings::Diagnostics found;
  auto config = ReadConfig(
      "membridge.yaml", "database: embedded\nprojects:\n" + projects,
      [](const std::string&) { return std::optional<std::string>{}; }, found);
  for (const auto& problem : found.Sorted()) problems += problem.Text() + "\n";
  return config;
}

std::string ProblemsOfProjects(const std::string& projects) {
  std::string problems;
  static_cast<void>(ReadProjects(projects, problems));
  return problems;
}

}  // namespace

TEST_CASE("a project is a Mem0 of one's own, beside one at the Platform", "[config][source]") {
  std::string problems;
  const auto config = ReadProjects(
      "  own:\n    source: {postgres: {url: \"postgresql://u:secret@db/mem0\", pooled: true}, table: mem0.memories, poll: 10s, "
      "sweep: 5m}\n"
      "  crm: {api_key: k}\n"
      "  plain:\n    source: {postgres: \"postgresql://db/mem0\"}\n",
      problems);
  CAPTURE(problems);
  REQUIRE(config);
  const ProjectConfig& own = *config->FindProject(ProjectId{"own"});
  REQUIRE(own.source);
  CHECK(own.source->dsn == "postgresql://u:secret@db/mem0");
  CHECK(own.source->table == "mem0.memories");
  CHECK(own.source->poll == std::chrono::seconds{10});
  CHECK(own.source->sweep == std::chrono::minutes{5});
  CHECK(config->pooled.contains(own.source->dsn));
  CHECK_FALSE(config->FindProject(ProjectId{"crm"})->source);
  CHECK(config->FindProject(ProjectId{"plain"})->source->table == "public.memories");
  const std::string shown = ShownConfig(*config).dump();
  CHECK(shown.find("secret") == std::string::npos);
  CHECK(shown.find("mem0.memories") != std::string::npos);
}

TEST_CASE("what a Mem0 of one's own cannot have is refused at its place", "[config][source]") {
  CHECK(ProblemsOfProjects(
            "  own:\n    source: {postgres: \"postgresql://db/mem0\"}\n    api_key: k\n    webhook: {manage: false}\n    "
            "canary: {}\n") ==
        "membridge.yaml:5:5: error: project \"own\" has a \"source\", so it is a Mem0 of your own; \"api_key\" belongs to a "
        "project at "
        "Mem0's "
        "Platform; give one\n"
        "membridge.yaml:6:5: error: project \"own\" has a \"source\", so it is a Mem0 of your own; \"webhook\" belongs to a "
        "project at "
        "Mem0's "
        "Platform; give one\n"
        "membridge.yaml:7:5: error: project \"own\" has a \"source\", so it is a Mem0 of your own; \"canary\" belongs to a "
        "project at "
        "Mem0's "
        "Platform; give one\n");
  CHECK(ProblemsOfProjects("  own:\n    source: {postgres: mysql, table: a b, poll: 10ms, tabel: x}\n") ==
        "membridge.yaml:4:14: error: \"postgres\" must begin with postgresql://\n"
        "membridge.yaml:4:31: error: \"table\" must be a table's name, with its schema if that is not public: public.memories\n"
        "membridge.yaml:4:43: error: \"poll\" must be at least 1s\n"
        "membridge.yaml:4:55: error: unknown key \"tabel\" in the source of project \"own\"; did you mean \"table\"?\n");
  CHECK(ProblemsOfProjects("  own:\n    source: {table: memories}\n").find("the source of project \"own\" has no \"postgres\"") !=
        std::string::npos);
  CHECK(ProblemsOfProjects("  own:\n    source: {postgres: \"postgresql://db/mem0\"}\nbackfill:\n"
                           "  - {name: nightly, project: own, export: profile, schedule: \"0 3 * * *\"}\n")
            .find("is a Mem0 of your own, which has no exports; write sweep: incremental or sweep: full") != std::string::npos);
}

}  // namespace membridge::admin
