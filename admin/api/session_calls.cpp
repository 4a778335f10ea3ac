// Operations that show the caller and the configuration.
#include <filesystem>

#include "admin/api/context.hpp"
#include "admin/api/document.hpp"
#include "mappings/base/version.hpp"
#include "sync/inbox/tokens.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;

Answer ReadOpenApi() {
  static const ordered_json kDocument = ordered_json::parse(OpenApiText());
  return kDocument;
}

Answer ReadSession(const Call& call, const Parts& parts) {
  ordered_json projects = ordered_json::array();
  ordered_json self_hosted = ordered_json::array();
  for (const ProjectConfig& project : parts.config.projects) {
    projects.push_back(project.id.Text());
    if (project.source) self_hosted.push_back(project.id.Text());
  }
  return ordered_json{{"name", call.caller.name},
                      {"role", NameOf(call.caller.role)},
                      {"kept_in", call.caller.in_configuration ? "configuration" : "database"},
                      {"expires_at", TimeOrNull(call.caller.expires_at)},
                      {"version", kVersion},
                      {"projects", std::move(projects)},
                      {"self_hosted", std::move(self_hosted)}};
}

ordered_json SessionViewOf(const ProjectConfig& project, const Config& config) {
  ordered_json verify = ordered_json::array();
  for (const VerificationScheme& scheme : project.webhook.verify) verify.push_back(scheme.name);
  ordered_json mappings = ordered_json::array();
  for (const MappingConfig& mapping : config.mappings) {
    if (!mapping.project || *mapping.project == project.id)
      mappings.push_back(std::filesystem::path{mapping.file}.stem().string());
  }
  ordered_json backfills = ordered_json::array();
  for (const BackfillConfig& backfill : config.backfill) {
    if (backfill.project == project.id) backfills.push_back(backfill.name);
  }
  return ordered_json{{"name", project.id.Text()},
                      {"base_url", project.base_url},
                      {"webhook",
                       {{"public_url", TextOrNull(project.webhook.public_url)},
                        {"name", project.webhook.name},
                        {"events", project.webhook.events},
                        {"manage", project.webhook.manage},
                        {"verify", std::move(verify)}}},
                      {"mappings", std::move(mappings)},
                      {"backfills", std::move(backfills)}};
}

Answer ListProjects(const Parts& parts) {
  ordered_json projects = ordered_json::array();
  for (const ProjectConfig& project : parts.config.projects) projects.push_back(SessionViewOf(project, parts.config));
  return ordered_json{{"projects", std::move(projects)}};
}

Answer ListDeliveryTokens(Call& call, const Parts& parts) {
  const auto project = ProjectOf(parts.config, call.Path("project"));
  if (!project) return tl::unexpected<Problem>(project.error());
  sync::postgres::Transaction transaction = call.Begin();
  ordered_json tokens = ordered_json::array();
  for (const sync::Token& token : sync::Tokens{transaction}.List((*project)->id)) {
    tokens.push_back({{"id", token.id},
                      {"created_at", FormatRfc3339(token.created_at)},
                      {"expires_at", TimeOrNull(token.expires_at)},
                      {"last_used", TimeOrNull(token.last_used)}});
  }
  return ordered_json{{"tokens", std::move(tokens)}};
}

}  // namespace

void AddSessionCalls(Handlers& handlers, const Parts& parts) {
  handlers["readOpenApi"] = [](Call&) { return ReadOpenApi(); };
  handlers["readSession"] = [&parts](Call& call) { return ReadSession(call, parts); };
  handlers["listProjects"] = [&parts](Call&) { return ListProjects(parts); };
  handlers["listDeliveryTokens"] = [&parts](Call& call) { return ListDeliveryTokens(call, parts); };
}

}  // namespace membridge::admin::api
