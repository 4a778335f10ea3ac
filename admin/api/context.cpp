#include "admin/api/context.hpp"

#include "mappings/base/diagnostic.hpp"
#include "sync/mem0/redact.hpp"

namespace membridge::admin::api {

tl::expected<const ProjectConfig*, Problem> ProjectOf(const Config& config, const std::string& name) {
  if (const ProjectConfig* project = config.FindProject(ProjectId{name})) return project;
  std::vector<std::string> names;
  for (const ProjectConfig& project : config.projects) names.push_back(project.id.Text());
  return Refuse(404, "not_found", "the configuration has no such project" + mappings::DidYouMean(name, names),
                "GET /api/v1/projects lists them");
}

tl::expected<std::unique_ptr<sync::mem0::Client>, Problem> Parts::Mem0For(const ProjectId& project) const {
  if (auto known = ProjectOf(config, project.Text()); !known) return tl::unexpected<Problem>(known.error());
  if (config.FindProject(project)->source)
    return Refuse(422, "self_hosted", "project " + project.Text() + " is a Mem0 of your own, which this operation cannot reach",
                  "use the application or Mem0's own server");
  return mem0.For(project, Mem0Clients::Urgency::kInteractive);
}

tl::unexpected<Problem> RefuseFromMem0(const Error& error, const sync::mem0::Failure& failure) {
  const std::string message = "Mem0: " + sync::mem0::RedactUrlsIn(error.message);
  switch (error.code) {
    case ErrorCode::kUnavailable:
      return Refuse(502, "mem0_unavailable", message, error.hint);
    case ErrorCode::kUnauthorized:
      return Refuse(502, "mem0_unauthorized", message, error.hint.empty() ? "see the project's api_key" : error.hint);
    case ErrorCode::kNotFound:
      return Refuse(404, "not_found", message, error.hint);
    default:
      break;
  }
  auto refusal = Refuse(422, "refused_by_mem0", message, error.hint);
  for (const auto& [field, words] : failure.fields) {
    // Replace Mem0's field names by those of the document.
    const std::string name = field == "event_types" ? "events" : field;
    refusal.value().fields.emplace(name, sync::mem0::RedactUrlsIn(words));
  }
  return refusal;
}

Handlers AllHandlers(const Parts& parts) {
  Handlers handlers;
  for (const auto add : {AddSessionCalls, AddTargetCalls, AddSourceCalls, AddOverviewCalls, AddWebhookCalls, AddMem0Calls,
                         AddDeliveryCalls, AddParkedCalls, AddCandidateCalls, AddKeptCalls, AddFeedCalls, AddMemoryCalls,
                         AddMappingCalls, AddPreviewCalls, AddBackfillCalls, AddTokenCalls, AddAuditCalls}) {
    add(handlers, parts);
  }
  return handlers;
}

}  // namespace membridge::admin::api
