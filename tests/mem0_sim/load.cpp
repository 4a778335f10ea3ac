#include "tests/mem0_sim/load.hpp"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "tests/mem0_sim/requests.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

/// A text with holes: `{i}` for the number of a memory, `{u}` for that of its user.
std::string Filled(const std::string& pattern, const std::string& memory, const std::string& user) {
  std::string filled;
  for (std::size_t place = 0; place < pattern.size();) {
    const auto hole = pattern.find('{', place);
    filled.append(pattern, place, hole - place);
    if (hole == std::string::npos) break;
    const std::string_view name = std::string_view{pattern}.substr(hole, 3);
    if (name == "{i}" || name == "{u}") {
      filled += name == "{i}" ? memory : user;
      place = hole + name.size();
    } else {
      filled += '{';
      place = hole + 1;
    }
  }
  return filled;
}

/// What generated memories are made of. Numbers are safe inside JSON text, so metadata is filled as text.
struct Pattern {
  std::string text, user_id, metadata;
  std::optional<std::vector<std::string>> categories;

  NewMemory Make(std::size_t memory, std::size_t user) const {
    const std::string i = std::to_string(memory);
    const std::string u = std::to_string(user);
    NewMemory made;
    made.text = Filled(text, i, u);
    made.owners[static_cast<std::size_t>(EntityType::kUser)] = Filled(user_id, i, u);
    made.metadata = Filled(metadata, i, u);
    made.categories = categories;
    if (made.categories) {
      for (std::string& label : *made.categories) label = Filled(label, i, u);
    }
    return made;
  }
};

tl::expected<std::size_t, std::string> Generate(Project& project, const Json& request, bool announced) {
  const auto users = request.value("users", std::size_t{1});
  const auto memories = request.value("memories", std::size_t{0});
  if (users == 0) return tl::unexpected{std::string{"users must be above zero"}};
  Pattern pattern{request.value("text", "Fact {i} about user {u}"),
                  request.value("user_id", "user-{u}"),
                  MetadataText(request.value("metadata", Json{})),
                  {}};
  if (request.contains("categories")) pattern.categories = request["categories"].get<std::vector<std::string>>();
  for (std::size_t i = 0; i < memories; ++i) project.AddMemory(pattern.Make(i, i % users), announced);
  return memories;
}

}  // namespace

tl::expected<NewMemory, std::string> NewMemoryIn(const Json& json) {
  static const std::set<std::string> kKnown{"text",        "user_id",    "agent_id",   "app_id",          "run_id",
                                            "metadata",    "categories", "created_at", "expiration_date", "immutable",
                                            "synthesized", "announce"};
  for (const auto& [name, _] : json.items()) {
    if (kKnown.count(name) == 0) return tl::unexpected{"unknown field: " + name};
  }
  NewMemory memory;
  memory.text = json.value("text", std::string{});
  memory.owners = OwnersIn(json);
  if (memory.owners == Owners{}) return tl::unexpected{std::string{"a memory needs a user_id, agent_id, app_id or run_id"}};
  memory.metadata = MetadataText(json.value("metadata", Json{}));
  if (json.contains("categories") && !json["categories"].is_null())
    memory.categories = json["categories"].get<std::vector<std::string>>();
  if (json.contains("created_at")) {
    memory.created_at = ParseFilterTime(json["created_at"].get<std::string>());
    if (!memory.created_at) return tl::unexpected{std::string{"created_at is not a time"}};
  }
  if (json.contains("expiration_date") && !json["expiration_date"].is_null()) {
    memory.expires_on = ParseDay(json["expiration_date"].get<std::string>());
    if (!memory.expires_on) return tl::unexpected{std::string{"expiration_date is not a date"}};
  }
  memory.immutable = json.value("immutable", false);
  memory.synthesized = json.value("synthesized", false);
  return memory;
}

tl::expected<std::size_t, std::string> Load(Project& project, const Json& request) {
  const bool announced = request.value("announce", false);
  if (request.contains("items")) {
    std::vector<NewMemory> fresh;
    for (const Json& item : request["items"]) {
      auto memory = NewMemoryIn(item);
      if (!memory) return tl::unexpected{memory.error()};
      fresh.push_back(std::move(*memory));
    }
    for (NewMemory& memory : fresh) project.AddMemory(std::move(memory), announced);
    return fresh.size();
  }
  return Generate(project, request, announced);
}

}  // namespace membridge::mem0_sim
