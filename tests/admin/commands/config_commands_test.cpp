// What commands say of the configuration alone: what counts of it and where it comes from, its names, and warnings as errors.
#include "tests/admin/commands/spoken.hpp"
#include "tests/admin/text_file.hpp"
#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

Spoken SayAlone(const std::vector<std::string>& words) {
  return SayIn([](const std::string&) { return std::nullopt; }, words);
}

TEST_CASE("completion names tells the names of a configuration, right or wrong as the rest of it may be", "[operate][commands]") {
  const test::TextFile file{"membridge.yaml",
                            "projects: {crm: {api_key: \"${NOT_SET}\"}, shop: {}}\n"
                            "mappings: [mappings/people.yaml, {file: orders.yaml, project: shop}, {project: shop}]\n"
                            "backfill: [{name: nightly}, {project: crm}, 7]\n"};
  const auto names = [&](const char* kind) { return SayAlone({"completion", "names", kind, "--config", file.path()}).out; };
  CHECK(names("projects") == "crm\nshop\n");
  CHECK(names("mappings") == "people\norders\n");
  CHECK(names("targets") == "default\n");
  CHECK(names("backfills") == "nightly\n");
  CHECK(SayAlone({"completion", "names", "projects", "--config", "/nowhere.yaml"}).status == kDone);
  const Spoken wrong = SayAlone({"completion", "names", "project", "--config", file.path()});
  CHECK(wrong.status == kBadUsage);
  CHECK(wrong.err.find("did you mean \"projects\"?") != std::string::npos);
}

TEST_CASE("the example configuration is right, and config show masks what is secret", "[operate][commands]") {
  const test::TextFile file{"membridge.yaml", SayAlone({"config", "example"}).out};
  const Environment variables = [](const std::string& name) -> std::optional<std::string> {
    if (name == "MEM0_API_KEY") return "m0-very-secret-key";
    if (name == "MEMBRIDGE_ADMIN_TOKEN") return "a-very-secret-token-of-mine";
    return std::nullopt;
  };
  const Spoken checked = SayIn(variables, {"check", "--offline", "--deny-warnings", "--config", file.path()});
  CHECK(checked.err == "");
  CHECK(checked.status == kDone);
  for (const bool json : {false, true}) {
    const Spoken shown = SayIn(variables, json ? std::vector<std::string>{"config", "show", "--json", "--config", file.path()}
                                               : std::vector<std::string>{"config", "show", "--config", file.path()});
    CHECK(shown.status == kDone);
    CHECK(shown.out.find("secret") == std::string::npos);
    CHECK(shown.out.find("***") != std::string::npos);
    CHECK(shown.out.find("full-sweep") != std::string::npos);
    CHECK(shown.out.find("30d") != std::string::npos);
    CHECK(shown.out.find("statement_timeout") != std::string::npos);
    if (json) continue;
    CHECK(shown.out.find("listen: \"127.0.0.1:8080\"                                  # line 2\n") != std::string::npos);
    CHECK(shown.out.find("      token: \"***\"                                        # line 6, from MEMBRIDGE_ADMIN_TOKEN\n") !=
          std::string::npos);
    CHECK(shown.out.find("soft_stop: \"25s\"                                          # default\n") != std::string::npos);
  }
}

TEST_CASE("check --deny-warnings counts a warning as an error", "[operate][commands]") {
  const test::TextFile file{"membridge.yaml", "database: embedded\nprojects: {crm: {api_key: k, webhook: {verify: [none]}}}\n"};
  const Spoken lenient = SayAlone({"check", "--offline", "--config", file.path()});
  CHECK(lenient.status == kDone);
  CHECK(lenient.err.find("warning") != std::string::npos);
  const Spoken strict = SayAlone({"check", "--offline", "--deny-warnings", "--config", file.path()});
  CHECK(strict.status == kBadUsage);
  CHECK(strict.err.find("--deny-warnings") != std::string::npos);
}

}  // namespace
}  // namespace membridge::admin
