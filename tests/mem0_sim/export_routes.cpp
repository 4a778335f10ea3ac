#include <algorithm>

#include "tests/mem0_sim/api.hpp"
#include "tests/mem0_sim/requests.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

/// Exports want the operator form: one of AND, OR, NOT at the root and nothing else.
bool IsOperatorForm(const Json& filters) {
  return filters.is_object() && filters.size() == 1 &&
         (filters.contains("AND") || filters.contains("OR") || filters.contains("NOT"));
}

std::vector<const Memory*> NewestFirst(Project& project, const Query& query) {
  std::vector<const Memory*> memories;
  for (const Slot slot : project.store.Select(query, std::nullopt)) memories.push_back(project.store.At(slot, std::nullopt));
  std::sort(memories.begin(), memories.end(), [](const Memory* a, const Memory* b) { return a->updated_at > b->updated_at; });
  return memories;
}

Answer CreateExport(Project& project, const Call& call) {
  const Json& schema = call.Field("schema");
  if (!schema.is_object() || schema.empty())
    return WithStatus(400, {{"message", "Schema is required and must be a valid object"}});
  const Json& filters = call.Field("filters");
  const Answer refusal =
      WithStatus(400, {{"error", "One of the filters: app_id, user_id, agent_id, run_id, memory_export_id is required!"}});
  if (!IsOperatorForm(filters)) return refusal;
  auto filter = Filter::Parse(filters);
  if (!filter) return WithStatus(400, {{"error", filter.error()}});
  if (!filter->NamesEntity()) return refusal;
  const auto memories = NewestFirst(project, {std::move(*filter), filters.dump()});
  const std::string id = project.exports.Create(call.body, memories);
  return WithStatus(201, {{"message", "Memory export request received. The export will be ready in a few seconds."}, {"id", id}});
}

Answer GetExport(Project& project, const Call& call) {
  std::optional<std::string> result;
  if (const auto id = call.Text("memory_export_id")) {
    if (project.exports.Fails(*id)) return WithStatus(500, {{"error", "Internal server error"}});
    result = project.exports.Result(*id);
  } else {
    const auto entities = EntitiesNamedIn(call.Field("filters"));
    if (entities.empty()) return FilterRequired("message");
    result = project.exports.LatestResult(entities);
  }
  if (!result) return WithStatus(404, {{"error", "No memory export request found"}});
  Answer answer;
  answer.body = project.settings.raw_export.empty() ? std::move(*result) : project.settings.raw_export;
  return answer;
}

/// Items are unspecified: one sentence per entity here.
Answer Summary(Project&, const Call& call) {
  const auto entities = EntitiesNamedIn(call.Field("filters"));
  if (entities.empty()) return FilterRequired("message");
  Json summaries = Json::array();
  for (const auto& [type, name] : entities)
    summaries.push_back({{"summary", "What is known of " + std::string{NameOf(type)} + " " + name + "."}});
  return Ok(summaries);
}

}  // namespace

std::vector<Route> ExportRoutes() {
  return {{"POST", "/v1/exports/", "exports.create", CreateExport},
          {"POST", "/v1/exports/get/", "exports.get", GetExport},
          {"POST", "/v1/summary/", "summary", Summary}};
}

}  // namespace membridge::mem0_sim
