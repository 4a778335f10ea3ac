#include "admin/mapping_files/erasure_targets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "admin/mapping_files/configured_mappings.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "sync/source/source_erasure.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kAskAgain = 500ms;
constexpr std::chrono::milliseconds kPatience = 5min;

}  // namespace

std::vector<sync::ErasureTarget> ErasureTargetsOf(const Config& config, const Databases& databases, const ProjectId& project) {
  mappings::Diagnostics ignored;
  const auto configured = LoadMappings(config, ignored);
  std::vector<sync::ErasureTarget> targets;
  for (const auto& target : config.targets) {
    const std::string& dsn = databases.DsnOf(target);
    auto known = std::find_if(targets.begin(), targets.end(), [&](const auto& one) { return one.dsn == dsn; });
    if (known == targets.end()) known = targets.insert(targets.end(), sync::ErasureTarget{target.name, dsn, {}, false});
    for (const auto& mapping : configured) {
      if (mapping.target == target.name && (!mapping.project || *mapping.project == project))
        known->mappings.push_back(mapping.mapping);
      known->tells_changes = known->tells_changes || (mapping.target == target.name && mapping.tells_changes);
    }
  }
  return targets;
}

Result<std::string> DeleteUserAtMem0(const ProjectConfig& project, sync::postgres::Session& state, const std::string& user,
                                     const std::function<void(std::chrono::milliseconds)>& wait) {
  if (project.source) {
    const auto deleted = sync::source::DeleteUserAtSource(project.source->dsn, TableOf(*project.source), user);
    if (!deleted) return tl::unexpected<Error>(deleted.error());
    return *deleted == 0 ? std::string{"was not there"} : std::string{"deleted"};
  }
  sync::mem0::Client client = ClientForCommand(project, state, 4);
  const auto begun = client.DeleteUser(user);
  if (!begun && begun.error().code == ErrorCode::kNotFound) return std::string{"was not there"};
  if (!begun) return tl::unexpected<Error>(begun.error());
  if (begun->empty()) return std::string{"under way"};
  for (auto waited = 0ms; waited < kPatience; waited += kAskAgain) {
    const auto operation = client.ReadOperation(*begun);
    if (!operation && operation.error().code != ErrorCode::kUnavailable) return tl::unexpected<Error>(operation.error());
    if (operation && operation->Over()) {
      if (operation->status == "SUCCEEDED") return std::string{"deleted"};
      return Fail(ErrorCode::kUnavailable, "Mem0 could not delete the user",
                  "try again, or delete them in Mem0's dashboard and leave out --at-mem0");
    }
    wait(kAskAgain);
  }
  return Fail(ErrorCode::kUnavailable, "Mem0 is still deleting the user", "run it again later");
}

nlohmann::ordered_json ReceiptJson(const sync::ErasureReceipt& receipt, const ProjectId& project, const std::string& at_mem0) {
  const auto none = [&](const char* count) {
    const auto found = receipt.erased.find(count);
    return found == receipt.erased.end() || found->second == 0;
  };
  nlohmann::ordered_json json;
  json["erasure"] = receipt.id;
  json["project"] = project.Text();
  json["user_hash"] = receipt.user_hash;
  json["begun_at"] = FormatRfc3339(receipt.begun_at);
  json["finished_at"] = FormatRfc3339(receipt.finished_at);
  json["at_mem0"] = at_mem0;
  json["erased"] = nlohmann::ordered_json::object();
  json["out_of_reach"] = nlohmann::ordered_json::array();
  constexpr std::string_view kSent = "sent:";
  for (const auto& [name, count] : receipt.erased) {
    if (!name.starts_with(kSent))
      json["erased"][name] = count;
    else if (count > 0)
      json["out_of_reach"].push_back({{"feed", name.substr(kSent.size())}, {"changes", count}});
  }
  json["complete"] = none("rows_left") && none("cells_left") && none("versions_left") && none("withdrawals_refused");
  return json;
}

}  // namespace membridge::admin
