#include "tests/mem0_sim/load.hpp"

#include <set>
#include <vector>

#include "tests/mem0_sim/pattern.hpp"
#include "tests/mem0_sim/requests.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

tl::expected<std::size_t, std::string> Generate(Project& project, const Json& request, bool announced) {
  const auto users = request.value("users", std::size_t{1});
  const auto memories = request.value("memories", std::size_t{0});
  if (users == 0) return tl::unexpected{std::string{"users must be above zero"}};
  const auto pattern = PatternIn(request);
  if (!pattern) return tl::unexpected{pattern.error()};
  for (std::size_t i = 0; i < memories; ++i) project.AddMemory(pattern->Make(i, i % users), announced);
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
