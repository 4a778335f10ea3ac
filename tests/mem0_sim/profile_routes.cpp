#include <algorithm>

#include "tests/mem0_sim/api.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

constexpr int kGenerationMs = 20;

Answer GetProfile(Project& project, const Call& call) {
  return Ok(project.profiles.ProfileOf(call.parts[0]));
}

Json Accepted(const Profiles::Job& job, const std::string& operation, bool again) {
  return {{"job_id", job.id},       {"status", job.status},
          {"operation", operation}, {"status_url", "/v2/profiles/jobs/" + job.id + "/"},
          {"entity_type", "user"},  {"entity_count_reserved", 1},
          {"event_id", nullptr},    {"replayed", again}};
}

std::vector<const Memory*> NewestFirstOf(const Store& store, const std::string& user) {
  std::vector<const Memory*> memories;
  const Entity* entity = store.FindEntity(EntityType::kUser, user);
  if (entity == nullptr) return memories;
  for (const Slot slot : entity->slots) {
    if (const Memory* memory = store.At(slot, std::nullopt)) memories.push_back(memory);
  }
  std::sort(memories.begin(), memories.end(), [](const Memory* a, const Memory* b) { return a->updated_at > b->updated_at; });
  return memories;
}

Answer Begin(Project& project, const Call& call) {
  const auto user = call.Text("entity_id");
  const auto operation = call.Text("operation");
  if (!user || call.Text("entity_type") != "user" || (operation != "trigger" && operation != "sample")) {
    return WithStatus(400, {{"error", "operation, entity_type and entity_id are required."}});
  }
  if (!project.profiles.Enabled()) return WithStatus(403, {{"error", "User profiles are not enabled for this project."}});
  bool again = false;
  const std::string id =
      project.profiles.Begin(project.dice.NewUuid().Text(), *user, call.request.Header("Idempotency-Key"), again).id;
  if (!again) {
    project.Soon(kGenerationMs,
                 [&project, id, user = *user] { project.profiles.Finish(id, NewestFirstOf(project.store, user)); });
  }
  return WithStatus(202, Accepted(*project.profiles.Find(id), *operation, again));
}

Answer GetJob(Project& project, const Call& call) {
  const Profiles::Job* job = project.profiles.Find(call.parts[0]);
  if (job == nullptr) return WithStatus(404, {{"error", "Job not found"}});
  const int done = job->status == "succeeded" ? 1 : 0;
  return Ok({{"job",
              {{"id", job->id},
               {"operation", "trigger"},
               {"entity_type", "user"},
               {"status", job->status},
               {"total", 1},
               {"enumeration_complete", true},
               {"completed", done},
               {"succeeded", done},
               {"failed", 0},
               {"skipped", 0}}}});
}

Answer GetProfileSettings(Project& project, const Call&) {
  return Ok(project.profiles.Settings());
}

Answer ChangeSettings(Project& project, const Call& call) {
  if (call.body.contains("schema") || call.body.contains("custom_instructions"))
    return WithStatus(400, {{"error", "Unsupported settings"}});
  project.profiles.Change(call.body);
  return Ok(project.profiles.Settings());
}

}  // namespace

std::vector<Route> ProfileRoutes() {
  return {{"GET", "/v2/entities/user/{}/profile/", "profiles.get", GetProfile},
          {"POST", "/v2/profiles/jobs/", "profiles.begin", Begin},
          {"GET", "/v2/profiles/jobs/{}/", "profiles.job", GetJob},
          {"GET", "/v2/profiles/settings/", "profiles.settings", GetProfileSettings},
          {"POST", "/v2/profiles/settings/", "profiles.change_settings", ChangeSettings}};
}

}  // namespace membridge::mem0_sim
