#include "tests/mem0_sim/requests.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

tl::expected<Query, Answer> QueryWith(const Json& filters, const Call& call) {
  auto filter = Filter::Parse(filters);
  if (!filter) return tl::unexpected{BadRequest(filter.error())};
  if (!filter->NamesEntity())
    return tl::unexpected{BadRequest("One of the filters: app_id, user_id, agent_id, run_id is required!")};
  return Query{std::move(*filter), filters.dump(), call.Flag("show_expired"), call.Flag("include_merged"),
               call.Flag("latest_only")};
}

}  // namespace

tl::expected<Uuid, Answer> MemoryIdIn(const Call& call) {
  const auto id = Uuid::Parse(call.parts[0]);
  if (!id) return tl::unexpected{WithStatus(400, {{"error", "memory_id should be a valid UUID"}})};
  return *id;
}

tl::expected<std::optional<Day>, Answer> DayIn(const Json& field) {
  if (field.is_null()) return std::optional<Day>{};
  const auto day = field.is_string() ? ParseDay(field.get<std::string>()) : std::nullopt;
  if (!day)
    return tl::unexpected{
        WithStatus(400, {{"expiration_date", {"Date has wrong format. Use one of these formats instead: YYYY-MM-DD."}}})};
  return day;
}

Owners OwnersIn(const Json& body) {
  Owners owners;
  for (const EntityType type : kEntityTypes) {
    const auto field = body.find(FieldOf(type));
    if (field != body.end() && field->is_string() && !field->get_ref<const std::string&>().empty()) {
      owners[static_cast<std::size_t>(type)] = field->get<std::string>();
    }
  }
  return owners;
}

Answer MemoryNotFound() {
  return WithStatus(404, {{"error", "Memory not found!"}});
}

Answer BadRequest(const std::string& message) {
  return WithStatus(400, {{"error", "400 Bad Request"}, {"details", {{"message", message}}}});
}

Answer FilterRequired(const char* key) {
  return WithStatus(400, {{key, "One of the filters: app_id, user_id, agent_id, run_id is required!"}});
}

tl::expected<Query, Answer> QueryIn(const Call& call) {
  for (const EntityType type : kEntityTypes) {
    if (call.body.contains(FieldOf(type))) {
      return tl::unexpected{BadRequest("Entity ids at the top level are not supported. Put them into filters.")};
    }
  }
  const Json& filters = call.Field("filters");
  if (!filters.is_object() || filters.empty()) return tl::unexpected{BadRequest("Filters are required and cannot be empty.")};
  return QueryWith(filters, call);
}

std::optional<Query> QueryInParameters(const Call& call) {
  Json conditions = Json::array();
  for (const EntityType type : kEntityTypes) {
    if (const auto name = call.Query(FieldOf(type))) conditions.push_back({{std::string{FieldOf(type)}, *name}});
  }
  if (conditions.empty()) return std::nullopt;
  auto query = QueryWith({{"AND", conditions}}, call);
  return query ? std::optional{std::move(*query)} : std::nullopt;
}

}  // namespace membridge::mem0_sim
