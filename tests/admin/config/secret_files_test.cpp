#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "admin/config/config.hpp"
#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

/// A folder of secrets, as a service manager hands it over.
class Credentials {
 public:
  Credentials() {
    std::string folder = (std::filesystem::temp_directory_path() / "membridge-credentials-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = folder;
  }
  ~Credentials() { std::filesystem::remove_all(folder_); }
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  void Put(const char* name, const std::string& text) const { std::ofstream{folder_ / name} << text; }

  struct Read {
    std::optional<Config> config;
    std::string problems;
  };
  Read Reading(const std::string& yaml) const {
    mappings::Diagnostics problems;
    const auto environment = [this](const std::string& name) {
      return name == "CREDENTIALS_DIRECTORY" ? std::optional{folder_.string()} : std::nullopt;
    };
    Read read{ReadConfig("membridge.yaml", yaml + "projects: {crm: {api_key: m0-key}}\n", environment, problems), {}};
    for (const auto& problem : problems.Sorted()) {
      std::string text = problem.Text();
      if (const auto at = text.find(folder_.string()); at != std::string::npos) text.replace(at, folder_.string().size(), "DIR");
      read.problems += text + "\n";
    }
    return read;
  }

 private:
  std::filesystem::path folder_;
};

constexpr const char* kInFiles = R"(database_file: ${CREDENTIALS_DIRECTORY}/database
targets:
  warehouse: {database_file: "${CREDENTIALS_DIRECTORY}/warehouse"}
admin: {tokens: [{name: ops, role: admin, token_file: "${CREDENTIALS_DIRECTORY}/token"}]}
)";

TEST_CASE("databases and tokens are read from files, without the line's end", "[config][secrets]") {
  const Credentials credentials;
  credentials.Put("database", "postgresql://bridge:s3cret@db/membridge\n");
  credentials.Put("warehouse", "host=db dbname=warehouse user=writer\r\n");
  credentials.Put("token", "0123456789abcdef");
  const auto [config, problems] = credentials.Reading(kInFiles);
  CHECK(problems.empty());
  REQUIRE(config);
  CHECK(config->database == "postgresql://bridge:s3cret@db/membridge");
  CHECK(config->FindTarget("warehouse")->dsn == "host=db dbname=warehouse user=writer");
  CHECK(config->admin_tokens.at(0).token == "0123456789abcdef");
}

TEST_CASE("a file may also say embedded, and a target's state", "[config][secrets]") {
  const Credentials credentials;
  credentials.Put("database", "embedded\n");
  credentials.Put("warehouse", "state\n");
  credentials.Put("token", "0123456789abcdef\n");
  const auto [config, problems] = credentials.Reading(kInFiles);
  CHECK(problems.empty());
  REQUIRE(config);
  CHECK_FALSE(config->database);
  CHECK_FALSE(config->FindTarget("warehouse")->dsn);
}

TEST_CASE("a secret's file that is missing, empty or holds more is told at its key, and never what it holds",
          "[config][secrets]") {
  const Credentials credentials;
  credentials.Put("warehouse", "\n \n");
  credentials.Put("token", "0123456789abcdef\nand-a-second-line\n");
  const auto [config, problems] = credentials.Reading(kInFiles);
  CHECK_FALSE(config);
  CHECK(problems ==
        "membridge.yaml:1:16: error: \"DIR/database\" is empty or cannot be read; it must hold the database and nothing else\n"
        "membridge.yaml:3:30: error: \"DIR/warehouse\" is empty or cannot be read; it must hold the database and nothing else\n"
        "membridge.yaml:4:55: error: \"DIR/token\" is empty or cannot be read; it must hold the token and nothing else\n");
}

TEST_CASE("what a secret's file must not hold is told at its key", "[config][secrets]") {
  const Credentials credentials;
  credentials.Put("database", "mysql://s3cret@db");
  credentials.Put("warehouse", "s3cret");
  credentials.Put("token", "s3cret");
  const auto [config, problems] = credentials.Reading(kInFiles);
  CHECK_FALSE(config);
  CHECK(problems.find("s3cret") == std::string::npos);
  CHECK(problems.find("membridge.yaml:1:16: error: \"database\" must be embedded") != std::string::npos);
  CHECK(problems.find("membridge.yaml:3:30: error: a target's \"database\" must be state") != std::string::npos);
  CHECK(problems.find("membridge.yaml:4:43: error: a token must have at least 16 characters") != std::string::npos);
}

TEST_CASE("a secret stands in the configuration or in a file, not in both", "[config][secrets]") {
  const Credentials credentials;
  credentials.Put("database", "postgresql://db/membridge");
  credentials.Put("token", "0123456789abcdef");
  const auto [config, problems] = credentials.Reading(
      "database: embedded\ndatabase_file: ${CREDENTIALS_DIRECTORY}/database\n"
      "admin: {tokens: [{name: ops, role: admin, token: 0123456789abcdef, token_file: \"${CREDENTIALS_DIRECTORY}/token\"}]}\n");
  CHECK_FALSE(config);
  CHECK(problems ==
        "membridge.yaml:2:1: error: the configuration has both \"database\" and \"database_file\"; give one\n"
        "membridge.yaml:3:68: error: a token has both \"token\" and \"token_file\"; give one\n");
}

}  // namespace
}  // namespace membridge::admin
