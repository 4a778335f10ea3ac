#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tests/mem0_sim/api.hpp"
#include "tests/mem0_sim/load.hpp"
#include "tests/mem0_sim/requests.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kRecordsPerChunk = 500;

Answer RefuseControl(const std::string& why) {
  return WithStatus(400, {{"error", why}});
}

Answer GetFaults(Project& project, const Call&) {
  return Ok(project.faults.Get());
}

Answer SetFaults(Project& project, const Call& call) {
  const auto set = project.SetFaults(call.body);
  return set ? Ok(project.faults.Get()) : RefuseControl(set.error());
}

Answer ClearFaults(Project& project, const Call&) {
  project.faults.Clear();
  project.store.RememberFor(std::chrono::milliseconds{0});
  return Ok(project.faults.Get());
}

Answer GiveKey(Project& project, const Call& call) {
  const auto project_id = call.Text("project_id");
  project.GiveKey(call.parts[0], project_id.value_or(project.account.project_id));
  return Ok({{"message", "in force"}});
}

Answer RevokeKey(Project& project, const Call& call) {
  project.RevokeKey(call.parts[0]);
  return Ok({{"message", "revoked"}});
}

Answer GetDelivery(Project& project, const Call&) {
  return Ok(project.deliveries.Get());
}

Answer SetDelivery(Project& project, const Call& call) {
  const auto set = project.deliveries.Set(call.body);
  return set ? Ok(project.deliveries.Get()) : RefuseControl(set.error());
}

Answer GetControlSettings(Project& project, const Call&) {
  return Ok(ObjectOf(project.settings));
}

Answer SetSettings(Project& project, const Call& call) {
  auto changed = Changed(project.settings, call.body);
  if (!changed) return RefuseControl(changed.error());
  project.settings = std::move(*changed);
  return Ok(ObjectOf(project.settings));
}

Answer GetExports(Project& project, const Call&) {
  return Ok(project.exports.Get());
}

Answer SetExports(Project& project, const Call& call) {
  const auto set = project.exports.Set(call.body);
  return set ? Ok({{"message", "set"}}) : RefuseControl(set.error());
}

Answer GetProfileSettingsByControl(Project& project, const Call&) {
  return Ok(project.profiles.Settings());
}

Answer Advance(Project& project, const Call& call) {
  project.clock.Advance(std::chrono::seconds{call.body.value("advance_seconds", std::int64_t{0})});
  return Ok({{"now", FormatRfc3339(project.clock.Peek())}});
}

Answer Idle(Project& project, const Call&) {
  return Ok({{"idle", project.Idle()}});
}

Answer DeliveryStatistics(Project& project, const Call&) {
  return Ok(project.deliveries.Statistics());
}

Answer RecentDeliveries(Project& project, const Call&) {
  return Ok(project.deliveries.Recent());
}

Answer ResetDeliveries(Project& project, const Call&) {
  project.deliveries.ResetStatistics();
  return Ok({{"message", "reset"}});
}

Answer Calls(Project& project, const Call&) {
  return Ok(project.journal.Calls());
}

Answer ResetCalls(Project& project, const Call&) {
  project.journal.ResetCalls();
  return Ok({{"message", "reset"}});
}

Answer Requests(Project& project, const Call& call) {
  const std::string limit = call.Query("limit").value_or("1000");
  return Ok(project.journal.Requests(call.Query("endpoint").value_or(""), std::strtoull(limit.c_str(), nullptr, 10)));
}

Answer ResetRequests(Project& project, const Call&) {
  project.journal.ResetRequests();
  return Ok({{"message", "reset"}});
}

/// Every live memory, a JSON object a line, as it is now.
Answer Truth(Project& project, const Call&) {
  Answer answer;
  answer.content_type = "application/x-ndjson";
  answer.more = [&project, next = Slot{0}](std::string& out) mutable {
    std::size_t written = 0;
    for (; next < project.store.Slots() && written < kRecordsPerChunk; ++next) {
      const Memory* memory = project.store.At(next, std::nullopt);
      if (memory == nullptr) continue;
      AppendRecord(out, *memory, RecordShape::kSingle);
      out += '\n';
      ++written;
    }
    return next < project.store.Slots();
  };
  return answer;
}

std::optional<std::vector<std::string>> LabelsIn(const Json& field) {
  return field.is_null() ? std::nullopt : std::optional{field.get<std::vector<std::string>>()};
}

Answer ShownState(const Memory* memory) {
  if (memory == nullptr) return MemoryNotFound();
  Answer answer;
  AppendRecord(answer.body, *memory, RecordShape::kSingle);
  return answer;
}

Answer AddMemory(Project& project, const Call& call) {
  auto fresh = NewMemoryIn(call.body);
  if (!fresh) return RefuseControl(fresh.error());
  return ShownState(&project.AddMemory(std::move(*fresh), call.Flag("announce")));
}

Answer GetMemoryByControl(Project& project, const Call& call) {
  const auto id = MemoryIdIn(call);
  return id ? ShownState(project.store.Find(*id)) : id.error();
}

tl::expected<Edit, Answer> EditIn(const Call& call) {
  static const std::set<std::string> kKnown{"text",   "metadata",    "categories", "expiration_date", "replaced_by",
                                            "merged", "synthesized", "immutable",  "announce",        "touch"};
  for (const auto& [name, _] : call.body.items()) {
    if (kKnown.count(name) == 0) return tl::unexpected{RefuseControl("unknown field: " + name)};
  }
  Edit edit;
  edit.text = call.Text("text");
  if (call.body.contains("metadata")) edit.metadata = call.Field("metadata");
  if (call.body.contains("categories")) edit.categories = LabelsIn(call.Field("categories"));
  if (call.body.contains("expiration_date")) {
    const auto day = DayIn(call.Field("expiration_date"));
    if (!day) return tl::unexpected{day.error()};
    edit.expires_on = *day;
  }
  if (call.body.contains("replaced_by")) {
    const auto successor = call.Text("replaced_by");
    edit.replaced_by = successor ? Uuid::Parse(*successor) : std::nullopt;
  }
  for (const auto& [name, member] :
       {std::pair{"merged", &edit.merged}, {"synthesized", &edit.synthesized}, {"immutable", &edit.immutable}}) {
    if (call.body.contains(name)) *member = call.Flag(name);
  }
  edit.touches_updated_at = call.Flag("touch", true);
  return edit;
}

Answer ChangeMemory(Project& project, const Call& call) {
  const auto id = MemoryIdIn(call);
  if (!id) return id.error();
  auto edit = EditIn(call);
  if (!edit) return edit.error();
  return ShownState(project.ChangeMemory(*id, std::move(*edit), call.Flag("announce")));
}

Answer Categorize(Project& project, const Call& call) {
  const auto id = MemoryIdIn(call);
  if (!id) return id.error();
  return ShownState(project.Categorize(*id, LabelsIn(call.Field("categories")), call.Flag("announce", true)));
}

Answer DeleteMemoryByControl(Project& project, const Call& call) {
  const auto id = MemoryIdIn(call);
  if (!id) return id.error();
  return project.DeleteMemory(*id, call.Query("announce") == "true") ? Ok({{"message", "deleted"}}) : MemoryNotFound();
}

Answer LoadMany(Project& project, const Call& call) {
  const auto loaded = Load(project, call.body);
  return loaded ? Ok({{"loaded", *loaded}, {"memories", project.store.Size()}}) : RefuseControl(loaded.error());
}

Answer SetCrowd(Project& project, const Call& call) {
  const auto set = project.crowd.Set(call.body, project.clock.Now());
  return set ? Ok({{"memories", project.crowd.Size()}}) : RefuseControl(set.error());
}

Answer AddWebhook(Project& project, const Call& call) {
  const Json errors = FieldErrors(call.body, false);
  if (!errors.empty()) return WithStatus(400, errors);
  Webhook webhook = NewWebhook(call.body, project.dice, project.clock.Now());
  webhook.foreign = call.Flag("foreign");
  return WithStatus(201, ObjectOf(project.webhooks.Add(std::move(webhook)), project.account.owner, project.account.project_name));
}

Answer ChangeWebhook(Project& project, const Call& call) {
  Webhook* webhook = project.webhooks.Find(call.parts[0]);
  if (webhook == nullptr) return WithStatus(404, {{"error", "Webhook not found"}});
  webhook->is_active = call.Flag("is_active", webhook->is_active);
  webhook->foreign = call.Flag("foreign", webhook->foreign);
  webhook->name = call.Text("name").value_or(webhook->name);
  webhook->url = call.Text("url").value_or(webhook->url);
  webhook->event_types = call.body.value("event_types", webhook->event_types);
  return Ok(ObjectOf(*webhook, project.account.owner, project.account.project_name));
}

}  // namespace

std::vector<Route> ControlRoutes() {
  return {{"GET", "/_sim/faults", "", GetFaults},
          {"PUT", "/_sim/faults", "", SetFaults},
          {"DELETE", "/_sim/faults", "", ClearFaults},
          {"PUT", "/_sim/keys/{}", "", GiveKey},
          {"DELETE", "/_sim/keys/{}", "", RevokeKey},
          {"GET", "/_sim/delivery", "", GetDelivery},
          {"PUT", "/_sim/delivery", "", SetDelivery},
          {"GET", "/_sim/settings", "", GetControlSettings},
          {"PUT", "/_sim/settings", "", SetSettings},
          {"GET", "/_sim/exports", "", GetExports},
          {"PUT", "/_sim/exports", "", SetExports},
          {"GET", "/_sim/profiles", "", GetProfileSettingsByControl},
          {"POST", "/_sim/clock", "", Advance},
          {"GET", "/_sim/idle", "", Idle},
          {"GET", "/_sim/deliveries", "", DeliveryStatistics},
          {"GET", "/_sim/deliveries/recent", "", RecentDeliveries},
          {"DELETE", "/_sim/deliveries", "", ResetDeliveries},
          {"GET", "/_sim/calls", "", Calls},
          {"DELETE", "/_sim/calls", "", ResetCalls},
          {"GET", "/_sim/requests", "", Requests},
          {"DELETE", "/_sim/requests", "", ResetRequests},
          {"GET", "/_sim/memories", "", Truth},
          {"POST", "/_sim/memories", "", AddMemory},
          {"GET", "/_sim/memories/{}", "", GetMemoryByControl},
          {"PATCH", "/_sim/memories/{}", "", ChangeMemory},
          {"DELETE", "/_sim/memories/{}", "", DeleteMemoryByControl},
          {"PUT", "/_sim/memories/{}/categories", "", Categorize},
          {"POST", "/_sim/load", "", LoadMany},
          {"PUT", "/_sim/crowd", "", SetCrowd},
          {"POST", "/_sim/webhooks", "", AddWebhook},
          {"PATCH", "/_sim/webhooks/{}", "", ChangeWebhook}};
}

}  // namespace membridge::mem0_sim
