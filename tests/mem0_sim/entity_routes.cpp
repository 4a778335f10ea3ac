#include <fmt/format.h>

#include <array>

#include "tests/mem0_sim/api.hpp"
#include "tests/mem0_sim/paging.hpp"
#include "tests/mem0_sim/requests.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

Json ObjectOfEntityRoutes(const Project& project, const Entity& entity) {
  return {{"id", std::to_string(entity.number)},
          {"name", entity.name},
          {"type", NameOf(entity.type)},
          {"owner", project.account.owner},
          {"metadata", nullptr},
          {"total_memories", project.store.LiveMemoriesOf(entity)},
          {"created_at", FormatAsMem0(entity.created_at, Zone::kPacific)},
          {"updated_at", FormatAsMem0(entity.updated_at, Zone::kPacific)}};
}

Answer ListEntities(Project& project, const Call& call) {
  std::vector<const Entity*> entities;
  std::array<std::size_t, 4> totals{};
  for (const Entity& entity : project.store.Entities()) {
    if (project.store.IsForgotten(entity)) continue;
    entities.push_back(&entity);
    ++totals[static_cast<std::size_t>(entity.type)];
  }
  if (project.settings.entities_bare) {
    Json bare = Json::array();
    for (const Entity* entity : entities) bare.push_back(ObjectOfEntityRoutes(project, *entity));
    return Ok(bare);
  }
  const std::string more = fmt::format(R"(,"total_users":{},"total_agents":{},"total_apps":{},"total_runs":{})", totals[0],
                                       totals[1], totals[2], totals[3]);
  const PageAsk ask = PageOf(call, "page_size", static_cast<std::size_t>(project.settings.entities_page_size), 1000);
  const auto append = [&](std::string& out, std::size_t place) { out += ObjectOfEntityRoutes(project, *entities[place]).dump(); };
  return Paged(project, call, ask, "page_size", entities.size(), append, false, more);
}

Answer GetEntities(Project& project, const Call& call) {
  const auto type = EntityTypeNamed(call.parts[0]);
  if (!type) return WithStatus(400, {{"message", "Invalid entity type"}});
  const Entity* entity = project.store.FindEntity(*type, call.parts[1]);
  return Ok(entity == nullptr ? Json::array() : Json::array({ObjectOfEntityRoutes(project, *entity)}));
}

/// Answers before it happens; the memories go a little later.
Answer DeleteEntities(Project& project, const Call& call) {
  const auto type = EntityTypeNamed(call.parts[0]);
  if (!type) return WithStatus(400, {{"message", "Invalid entity type"}});
  const std::string name = call.parts[1];
  const std::string event = project.operations.Begin("DELETE_USER", {{"type", call.parts[0]}, {"id", name}});
  project.Soon(project.settings.bulk_delete_ms, [&project, event, type = *type, name] {
    if (const Entity* entity = project.store.FindEntity(type, name)) {
      const std::vector<Slot> slots = entity->slots;
      for (const Slot slot : slots) project.DeleteMemory(project.store.Ever(slot).id, project.settings.bulk_deletes_announced);
      project.store.ForgetEntity(type, name);
    }
    project.operations.Succeed(event, Json::array());
  });
  return Ok({{"message", "Entity deletion in progress. This may take some time."}, {"event_id", event}});
}

/// Makes one known before it has memories. All but users need a name, too.
Answer AddEntity(Project& project, const Call& call, EntityType type) {
  const std::string field{FieldOf(type)};
  const Json required = Json::array({"This field is required."});
  Json errors = Json::object();
  const auto id = call.Text(field.c_str());
  if (!id) errors[field] = required;
  if (type != EntityType::kUser && !call.Text("name")) errors["name"] = required;
  if (!call.Field("metadata").is_null() && !call.Field("metadata").is_object())
    errors["metadata"] = Json::array({"Expected a dictionary of items."});
  if (!errors.empty()) return WithStatus(400, errors);
  const Entity& made = project.store.MakeEntity(type, *id);
  Json answer{{"id", made.number},
              {field, *id},
              {"metadata", call.Field("metadata")},
              {"created_at", FormatAsMem0(made.created_at, Zone::kPacific)},
              {"updated_at", FormatAsMem0(made.updated_at, Zone::kPacific)}};
  if (type != EntityType::kUser) answer["name"] = call.Field("name");
  return WithStatus(201, answer);
}

template <EntityType type>
Answer AddOne(Project& project, const Call& call) {
  return AddEntity(project, call, type);
}

Answer EntityFilters(Project& project, const Call&) {
  Json users = Json::array();
  for (const Entity& entity : project.store.Entities()) {
    if (entity.type == EntityType::kUser && !project.store.IsForgotten(entity)) users.push_back(entity.name);
  }
  return Ok({{"event_type", {"ADD", "UPDATE", "DELETE", "SEARCH", "GET_ALL", "GET", "DELETE_ALL", "DELETE_USER"}},
             {"categories", DefaultCategories()},
             {"users", users},
             {"parameters", Json::array()}});
}

}  // namespace

std::vector<Route> EntityRoutes() {
  return {{"GET", "/v1/entities/", "entities.list", ListEntities},
          {"GET", "/v1/entities/filters/", "entities.filters", EntityFilters},
          {"POST", "/v1/users/", "entities.add", AddOne<EntityType::kUser>},
          {"POST", "/v1/agents/", "entities.add", AddOne<EntityType::kAgent>},
          {"POST", "/v1/apps/", "entities.add", AddOne<EntityType::kApp>},
          {"POST", "/v1/runs/", "entities.add", AddOne<EntityType::kRun>},
          {"GET", "/v2/entities/{}/{}/", "entities.get", GetEntities},
          {"DELETE", "/v1/entities/{}/{}/", "entities.delete", DeleteEntities},
          {"DELETE", "/v2/entities/{}/{}/", "entities.delete", DeleteEntities}};
}

}  // namespace membridge::mem0_sim
