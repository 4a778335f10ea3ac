#include <fmt/format.h>

#include <utility>

#include "sync/mem0/answer.hpp"
#include "sync/mem0/client.hpp"
#include "sync/mem0/own_words.hpp"
#include "sync/mem0/paths.hpp"
#include "sync/mem0/wire.hpp"

namespace membridge::sync::mem0 {
namespace {

using nlohmann::json;

std::optional<Instant> TimeAt(const json& object, const char* key) {
  const auto text = TextAt(object, key);
  return text ? ParseRfc3339(*text) : std::nullopt;
}

/// The error for a user whose name cannot stand alone in a path or a filter.
tl::unexpected<Error> NoSingleUser(std::string_view call) {
  return Fail(ErrorCode::kRefused, fmt::format("{}: this user's name could mean another user or everybody", call),
              "names that are empty, . or .., or hold * or / are left to Mem0's dashboard");
}

bool NamesOneUser(const std::string& user) {
  return NamesOneEntity(user) && paths::FitsSegment(user);
}

}  // namespace

Result<EntityPage> Client::ListEntities(int page, int page_size) {
  const auto answer = wire_->Call({.name = "list_entities",
                                   .path = paths::Entities(page, page_size),
                                   .refusals = OwnRefusalsOfList(page),
                                   .is_mem0s = LooksLikeList});
  EntityPage result;
  if (!answer && answer.error().code == ErrorCode::kNotFound && page > 1) {
    result.past_end = true;
    return result;
  }
  if (!answer) return tl::unexpected<Error>(answer.error());
  auto list = ParseList(answer->body);
  if (!list) return Within(list.error(), "list_entities");
  result.records = list->Records();
  result.count = list->count;
  result.linked = list->next.has_value();
  for (const json& entity : list->results) {
    auto type = TextAt(entity, "type");
    auto name = TextAt(entity, "name");
    if (type && name) result.entities.push_back({std::move(*type), std::move(*name), TimeAt(entity, "updated_at")});
  }
  return result;
}

Result<std::string> Client::DeleteUser(const std::string& user) {
  if (!NamesOneUser(user)) return NoSingleUser("delete_user");
  const auto answer = wire_->Call(
      {.name = "delete_user",
       .method = "DELETE",
       .path = paths::Entity("user", user),
       .secrets = {user},
       .refusals = OwnRefusals(
           {{404, "error", "Entity"}, {404, "error", "User"}, {404, "message", "Entity"}, {404, "message", "User"}})});
  if (!answer) return tl::unexpected<Error>(answer.error());
  // A success without a readable body still means that the user is deleted.
  const auto words = ParseJson(answer->body);
  return words ? TextAt(*words, "event_id").value_or("") : std::string{};
}

Result<Operation> Client::ReadOperation(const std::string& event_id) {
  if (!paths::FitsSegment(event_id)) return Fail(ErrorCode::kRefused, "read_operation: no operation can have this id");
  const auto answer = wire_->CallForJson({.name = "read_operation",
                                          .path = paths::Event(event_id),
                                          .subject = Subject::kMemories,
                                          .refusals = OwnRefusals({{404, "error", "Event not found"}})});
  if (!answer) return tl::unexpected<Error>(answer.error());
  return Operation{TextAt(*answer, "status").value_or("")};
}

Result<std::string> Client::CreateExport(const json& schema, const Filter& filter, const std::string& instructions) {
  Request request{
      .name = "create_export", .method = "POST", .path = paths::CreateExport(), .subject = Subject::kMemories, .creates = true};
  request.refusals = OwnRefusals();
  request.body = json{{"schema", schema}, {"filters", filter.Document()}};
  if (!instructions.empty()) (*request.body)["export_instructions"] = instructions;
  const auto answer = wire_->CallForJson(request);
  if (!answer) return tl::unexpected<Error>(answer.error());
  auto id = TextAt(*answer, "id");
  if (!id) return Fail(ErrorCode::kRefused, "create_export: the answer holds no id");
  return std::move(*id);
}

Result<std::optional<json>> Client::GetExport(const std::string& export_id) {
  Request request{.name = "get_export", .method = "POST", .path = paths::GetExport(), .subject = Subject::kMemories};
  request.body = json{{"memory_export_id", export_id}};
  request.refusals = OwnRefusals({{404, "error", "No memory export request found"}});
  auto answer = wire_->CallForJson(request);
  if (!answer && answer.error().code == ErrorCode::kNotFound) return std::optional<json>{};
  if (!answer) return tl::unexpected<Error>(answer.error());
  if (!answer->is_object()) return Fail(ErrorCode::kRefused, "get_export: the export is not an object");
  answer->erase("mem0_notice");  // a notice for owners of unclaimed accounts, which Mem0 adds to any answer
  return std::optional<json>{std::move(*answer)};
}

Result<Profile> Client::ReadProfile(const std::string& user) {
  if (!NamesOneUser(user)) return NoSingleUser("read_profile");
  auto answer = wire_->CallForJson(
      {.name = "read_profile",
       .path = paths::UserProfile(user),
       .subject = Subject::kMemories,
       .refusals = OwnRefusals({{404, "error", "Entity"}, {404, "error", "User"}, {404, "error", "Profile"}})});
  if (!answer) return tl::unexpected<Error>(answer.error());
  auto status = TextAt(*answer, "status");
  if (!status) return Fail(ErrorCode::kRefused, "read_profile: the answer has no status");
  Profile profile{std::move(*status), nullptr, TimeAt(*answer, "updated_at")};
  if (answer->contains("profile") && answer->at("profile").is_object()) profile.profile = std::move(answer->at("profile"));
  return profile;
}

}  // namespace membridge::sync::mem0
