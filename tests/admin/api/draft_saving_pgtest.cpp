// Drafts of mappings that the role admin saves over the API, where the configuration allows it.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "admin/mapping_files/mapping_saving.hpp"
#include "mappings/base/digest.hpp"
#include "tests/admin/api/api_world.hpp"
#include "tests/admin/text_file.hpp"
#include "tests/support/catch.hpp"

using namespace membridge;
using nlohmann::json;
using test::ApiWorld;

namespace {

const char* const kNames =
    "rows: {contact: {table: crm.contacts, key: {user_ref: $memory.user_id}, set: {name: $memory.text}}}\n";
const char* const kCompanies =
    "rows: {contact: {table: crm.contacts, key: {user_ref: $memory.user_id}, set: {company: $memory.text}}}\n";

void Put(const std::filesystem::path& file, const std::string& text) {
  std::ofstream{file} << text;
}

/// A folder with one mapping in it.
struct MappingFolder : test::TextFile {
  explicit MappingFolder(const std::string& text) : TextFile("own.yaml", text) {}
  std::filesystem::path Folder() const { return std::filesystem::path{path()}.parent_path(); }
  std::string Text() const {
    std::ifstream stream{path()};
    return {std::istreambuf_iterator<char>{stream}, {}};
  }
  std::ptrdiff_t Files() const {
    return std::distance(std::filesystem::directory_iterator{Folder()}, std::filesystem::directory_iterator{});
  }
};

}  // namespace

TEST_CASE("a draft is saved over its file by the role admin, and only where that is allowed", "[api][mappings][pg][sim]") {
  const MappingFolder folder{kNames};
  ApiWorld world{{.admin = "save_mappings: true", .mapping = folder.path()}};
  const json before = world.Get("/mappings/own");
  CHECK(before["may_be_saved"] == true);
  CHECK(before["file_digest"] == mappings::Sha256Hex(kNames));
  const auto save = [&](const std::string& text, const std::string& digest, const std::string& token = test::kAdminToken) {
    return world.Call("POST", "/mappings/own/file", {{"source", text}, {"file_digest", digest}}, token);
  };
  CHECK(save(kCompanies, before["file_digest"], test::kOperatorToken).status == 403);
  CHECK(save("rows: [", before["file_digest"]).status == 409);
  const auto unfit = save("rows: {contact: {table: crm.contacts, key: {user_ref: $memory.user_id}, set: {compny: $memory.text}}}",
                          before["file_digest"]);
  CHECK(unfit.status == 409);
  CHECK(unfit.body["message"].get<std::string>().find("compny") != std::string::npos);
  CHECK(folder.Text() == kNames);

  const auto saved = save(kCompanies, before["file_digest"]);
  REQUIRE(saved.status == 200);
  CHECK(folder.Text() == kCompanies);
  CHECK(folder.Files() == 1);
  const json entry = world.Audit()[0];
  CHECK(entry["action"] == "mapping.save");
  CHECK(entry["object"] == "own");
  CHECK(entry["outcome"] == "done");
  CHECK(entry["detail"]["file"] == "own.yaml");
  CHECK(entry["detail"]["after"] == mappings::Sha256Hex(kCompanies));

  // Somebody wrote the file since the draft was begun.
  Put(folder.path(), std::string{"# mine\n"} + kNames);
  const auto late = save(kCompanies, saved.body["file_digest"]);
  CHECK(late.status == 409);
  CHECK(late.body["message"] == "own.yaml has changed since the draft was begun");
  CHECK(folder.Text().find("# mine") == 0);
  CHECK(folder.Files() == 1);
  CHECK(world.Audit()[0]["outcome"] == "refused");
}

TEST_CASE("without the switch no draft is saved", "[api][mappings][pg][sim]") {
  const MappingFolder folder{kNames};
  ApiWorld world{{.mapping = folder.path()}};
  CHECK(world.Get("/mappings/own")["may_be_saved"] == false);
  const auto refused =
      world.Call("POST", "/mappings/own/file", {{"source", kCompanies}, {"file_digest", mappings::Sha256Hex(kNames)}});
  CHECK(refused.status == 409);
  CHECK(refused.body["message"] == "drafts are not saved here: admin.save_mappings is off");
  CHECK(folder.Text() == kNames);
}

TEST_CASE("saving a mapping keeps its permissions, and leaves alone what is no plain file", "[api][mappings]") {
  const MappingFolder folder{kNames};
  ::chmod(folder.path().c_str(), 0640);
  const std::string digest = mappings::Sha256Hex(kNames);
  // What a saver left that was killed is no obstacle.
  Put(folder.Folder() / ".own.yaml.membridge-draft", "half of i");
  REQUIRE(admin::SaveMappingFile(folder.path(), kCompanies, digest));
  CHECK(folder.Text() == kCompanies);
  CHECK(folder.Files() == 1);
  struct stat found {};
  REQUIRE(::stat(folder.path().c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0640);

  // As Kubernetes mounts a ConfigMap.
  const std::filesystem::path link = folder.Folder() / "link.yaml";
  std::filesystem::create_symlink("own.yaml", link);
  const auto linked = admin::SaveMappingFile(link.string(), kNames, mappings::Sha256Hex(kCompanies));
  REQUIRE_FALSE(linked);
  CHECK(linked.error().code == ErrorCode::kRefused);
  CHECK(linked.error().message == "link.yaml is no plain file that can be read");
  CHECK(std::filesystem::is_symlink(link));
  CHECK(folder.Text() == kCompanies);

  const auto nowhere = admin::SaveMappingFile((folder.Folder() / "gone" / "own.yaml").string(), kNames, digest);
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().code == ErrorCode::kUnavailable);
  const auto missing = admin::SaveMappingFile((folder.Folder() / "other.yaml").string(), kNames, digest);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::kRefused);
  CHECK(folder.Files() == 2);
}
