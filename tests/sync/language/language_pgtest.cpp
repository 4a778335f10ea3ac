// The mapping language on hostile schemas: every language/NAME.yaml is run with its own `tests:` on the tables of
// language/NAME.sql.

#include <filesystem>
#include <fstream>

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

TEST_CASE("the language does what its cases say on schemas of every kind", "[cases][language][pg]") {
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

}  // namespace membridge::test
