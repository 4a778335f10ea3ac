// The mapping language on hostile schemas: every language/NAME.yaml is run with its own `tests:` on the tables of
// language/NAME.sql.

#include <filesystem>
#include <fstream>

#include "mappings/check/check.hpp"
#include "mappings/files/loader.hpp"
#include "sync/explain/case_runner.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/apply/sheet.hpp"

namespace membridge::test {
namespace {

std::string Text(const std::filesystem::path& path) {
  std::ifstream file{path};
  REQUIRE(file);
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::vector<std::filesystem::path> MappingFiles() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator{MEMBRIDGE_LANGUAGE_TESTS}) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

TEST_CASE("the language does what its cases say on schemas of every kind", "[cases][language][pg][T16]") {
  const auto files = MappingFiles();
  REQUIRE(files.size() > 10);
  for (std::filesystem::path path : files) {
    INFO(path.filename().string());
    const std::string yaml = Text(path);
    Sheet sheet{Text(path.replace_extension(".sql")), yaml};
    const auto results =
        sync::RunCases(sheet.Connection(), sheet.Mapping(), sheet.Catalog(), ParseRfc3339("2026-09-01T12:00:00Z").value());
    CHECK_FALSE(results.empty());
    for (const auto& result : results) {
      CAPTURE(result.name, result.place.line);
      CHECK(result.failure == "");
      CHECK(result.passed);
    }
  }
}

TEST_CASE("two mappings keep their attributes in one table, each its own rows", "[language][pg][T24]") {
  const auto mapping = [](const std::string& name, const std::string& field) {
    return "rows:\n  one:\n    table: attributes\n    key: {contact: $memory.user_id, name: " + name +
           "}\n    create: with_cells\n    set: {value: $memory.metadata." + field + "}\n    gone: delete\n";
  };
  Sheet sheet{"CREATE TABLE attributes (contact text, name text, value text, PRIMARY KEY (contact, name))",
              mapping("city", "city")};
  sheet.Remap(mapping("town", "town"), "second");
  mappings::Diagnostics problems;
  const auto city = mappings::LoadMapping("city.yaml", mapping("city", "city"), {}, problems);
  const auto town = mappings::LoadMapping("town.yaml", mapping("town", "town"), {}, problems);
  REQUIRE(city);
  REQUIRE(town);
  mappings::CheckAgainst(*sheet.Catalog(), {&*city, &*town}, problems);
  CHECK(problems.Sorted().empty());

  const auto say = [&](const char* id, const nlohmann::json& metadata) {
    CHECK(sheet.Say(nlohmann::json{{"id", id}, {"user_id", "ada"}, {"metadata", metadata}}).cause == "");
  };
  const auto rows = [&] { return sheet.Rows("SELECT name, value FROM attributes ORDER BY name"); };
  using nlohmann::json;
  say("m1", {{"city", "Rome"}, {"town", "Ostia"}});
  say("m2", {{"town", "Tivoli"}});
  CHECK(rows() == json::parse(R"([{"name": "city", "value": "Rome"}, {"name": "town", "value": "Tivoli"}])"));
  sheet.Forget("m2");
  CHECK(rows() == json::parse(R"([{"name": "city", "value": "Rome"}, {"name": "town", "value": "Ostia"}])"));
  say("m1", {{"town", "Ostia"}});
  CHECK(rows() == json::parse(R"([{"name": "town", "value": "Ostia"}])"));
  sheet.Forget("m1");
  CHECK(rows() == json::array());
}

}  // namespace membridge::test
