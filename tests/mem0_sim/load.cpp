#include "tests/mem0_sim/load.hpp"

#include <fmt/format.h>

#include <set>

#include "tests/mem0_sim/requests.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

void Replace(std::string& text, std::string_view hole, const std::string& with) {
  for (auto place = text.find(hole); place != std::string::npos; place = text.find(hole, place + with.size()))
    text.replace(place, hole.size(), with);
}

/// The template with its holes filled, in every string at every depth.
Json Filled(const Json& pattern, const std::string& memory, const std::string& user) {
  Json filled = pattern;
  if (filled.is_string()) {
    Replace(filled.get_ref<std::string&>(), "{i}", memory);
    Replace(filled.get_ref<std::string&>(), "{u}", user);
  }
  if (filled.is_structured()) {
    for (Json& member : filled) member = Filled(member, memory, user);
  }
  return filled;
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
  memory.metadata = json.value("metadata", Json{});
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
  const auto users = request.value("users", std::size_t{1});
  const auto memories = request.value("memories", std::size_t{0});
  if (users == 0) return tl::unexpected{std::string{"users must be above zero"}};
  Json pattern{{"text", request.value("text", "Fact {i} about user {u}")}, {"user_id", request.value("user_id", "user-{u}")}};
  for (const char* field : {"metadata", "categories"}) {
    if (request.contains(field)) pattern[field] = request[field];
  }
  for (std::size_t i = 0; i < memories; ++i) {
    auto memory = NewMemoryIn(Filled(pattern, std::to_string(i), std::to_string(i % users)));
    if (!memory) return tl::unexpected{memory.error()};
    project.AddMemory(std::move(*memory), announced);
  }
  return memories;
}

}  // namespace membridge::mem0_sim
