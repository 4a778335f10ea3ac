#include <fmt/format.h>

#include "tests/mem0_sim/api.hpp"
#include "tests/mem0_sim/requests.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLargestBatch = 1000;

Answer ShownMemory(const Memory& memory) {
  Answer answer;
  AppendRecord(answer.body, memory, RecordShape::kSingle);
  return answer;
}

Json ResultOf(const Memory& memory) {
  return {{"id", memory.id.Text()}, {"data", {{"memory", *memory.text}}}, {"event", "ADD"}};
}

/// What an add would store: text and owners of each message. With several owners a memory belongs to the user or the agent by who
/// spoke, never to both.
std::vector<NewMemory> MemoriesIn(const Call& call, bool infer) {
  std::vector<NewMemory> memories;
  Json messages = call.Field("messages");
  if (messages.is_string()) messages = Json::array({{{"role", "user"}, {"content", messages}}});
  if (!messages.is_array()) return memories;
  for (const Json& message : messages) {
    const std::string role = message.value("role", "user");
    if (role == "system" || (infer && role != "user") || !message.contains("content") || !message["content"].is_string())
      continue;
    NewMemory memory;
    memory.text = message["content"].get<std::string>();
    memory.owners = OwnersIn(call.body);
    auto& user = memory.owners[static_cast<std::size_t>(EntityType::kUser)];
    auto& agent = memory.owners[static_cast<std::size_t>(EntityType::kAgent)];
    if (user && agent) (role == "assistant" ? user : agent).reset();
    memory.metadata = MetadataText(call.Field("metadata"));
    memory.immutable = call.Flag("immutable");
    memories.push_back(std::move(memory));
  }
  return memories;
}

Answer Add(Project& project, const Call& call) {
  const bool infer = call.Flag("infer", true);
  const Owners owners = OwnersIn(call.body);
  if (owners == Owners{}) return BadRequest("At least one of user_id, agent_id, app_id, run_id is required.");
  if (!call.Field("metadata").is_object() && !call.Field("metadata").is_null()) return BadRequest("metadata must be an object.");
  const auto expires_on = DayIn(call.Field("expiration_date"));
  if (!expires_on) return expires_on.error();
  std::vector<NewMemory> memories = MemoriesIn(call, infer);
  if (memories.empty() && !call.Field("messages").is_array()) return BadRequest("messages is required.");
  for (NewMemory& memory : memories) {
    memory.expires_on = *expires_on;
    if (call.Field("timestamp").is_number())
      memory.created_at = Instant{std::chrono::seconds{call.Field("timestamp").get<std::int64_t>()}};
  }
  const auto store = [&project](std::vector<NewMemory> fresh) {
    Json results = Json::array();
    for (NewMemory& memory : fresh) results.push_back(ResultOf(project.AddMemory(std::move(memory), true)));
    return results;
  };
  if (!infer) {
    const Json results = store(std::move(memories));
    const std::string event = project.operations.Done("ADD", call.body, results);
    return Ok({{"message", "Memories added successfully"}, {"event_id", event}, {"status", "SUCCEEDED"}, {"results", results}});
  }
  const std::string event = project.operations.Begin("ADD", call.body);
  project.Soon(project.settings.infer_ms,
               [&project, store, event, memories = std::move(memories)] { project.operations.Succeed(event, store(memories)); });
  return Ok(
      {{"message", "Memory processing has been queued for background execution"}, {"event_id", event}, {"status", "PENDING"}});
}

Answer GetMemory(Project& project, const Call& call) {
  const auto id = MemoryIdIn(call);
  if (!id) return id.error();
  const Memory* memory = project.store.Find(*id, project.MomentOfRead());
  project.operations.Done("GET", {{"memory_id", call.parts[0]}}, Json::array());
  if (memory != nullptr) {
    Answer shown = ShownMemory(*memory);
    const auto raw = project.settings.raw_records.find(memory->id.Text());
    if (raw != project.settings.raw_records.end()) shown.body = raw->second;
    return shown;
  }
  Answer answer = MemoryNotFound();
  if (const auto number = project.crowd.NumberOf(*id)) {
    project.crowd.Show(*number, [&](const Memory& generated) { answer = ShownMemory(generated); });
  }
  return answer;
}

Answer UpdateMemory(Project& project, const Call& call) {
  const auto id = MemoryIdIn(call);
  if (!id) return id.error();
  const Memory* memory = project.store.Find(*id);
  if (memory == nullptr) return MemoryNotFound();
  if (memory->immutable) return WithStatus(400, {{"error", "This memory is immutable and cannot be updated."}});
  Edit edit;
  edit.text = call.Text("text");
  if (call.body.contains("metadata")) {
    if (!call.Field("metadata").is_object()) return WithStatus(400, {{"metadata", {"Expected a dictionary of items."}}});
    edit.metadata = call.Field("metadata");
  }
  if (call.body.contains("expiration_date")) {
    const auto expires_on = DayIn(call.Field("expiration_date"));
    if (!expires_on) return expires_on.error();
    edit.expires_on = *expires_on;
  }
  if (call.Field("timestamp").is_number())
    edit.created_at = Instant{std::chrono::seconds{call.Field("timestamp").get<std::int64_t>()}};
  if (!edit.text && !edit.metadata && !edit.expires_on && !edit.created_at) {
    return WithStatus(400, {{"error", "At least one of text, metadata, timestamp, expiration_date is required."}});
  }
  memory = project.ChangeMemory(*id, std::move(edit), true);
  project.operations.Done("UPDATE", call.body, Json::array());
  return ShownMemory(*memory);
}

/// The older memories that this one superseded, directly or not.
std::size_t DeleteLinked(Project& project, const Uuid& id) {
  std::vector<Uuid> linked;
  for (Slot slot = 0; slot < project.store.Slots(); ++slot) {
    const Memory* memory = project.store.At(slot, std::nullopt);
    if (memory != nullptr && memory->replaced_by == id) linked.push_back(memory->id);
  }
  std::size_t deleted = 0;
  for (const Uuid& older : linked) {
    if (project.DeleteMemory(older, project.settings.bulk_deletes_announced)) deleted += 1 + DeleteLinked(project, older);
  }
  return deleted;
}

Answer DeleteMemory(Project& project, const Call& call) {
  const auto id = MemoryIdIn(call);
  if (!id) return id.error();
  if (!project.DeleteMemory(*id, true)) return MemoryNotFound();
  Json body{{"message", "Memory deleted successfully!"}};
  if (call.Query("delete_linked") == "true") body["cascade_count"] = DeleteLinked(project, *id);
  project.operations.Done("DELETE", {{"memory_id", call.parts[0]}}, Json::array());
  return Ok(body);
}

/// The ids of a batch, or the answer to a wrong one.
tl::expected<std::vector<Uuid>, Answer> BatchIn(const Call& call) {
  const Json& items = call.Field("memories");
  const auto refuse = [](const std::string& why) { return tl::unexpected{WithStatus(400, {{"error", why}})}; };
  if (!items.is_array() || items.empty()) return refuse("memories is required and must be a non-empty list");
  if (items.size() > kLargestBatch)
    return refuse(fmt::format("Maximum of {} memories can be processed in a single request", kLargestBatch));
  std::vector<Uuid> ids;
  for (const Json& item : items) {
    const auto id = item.is_object() ? Uuid::Parse(item.value("memory_id", std::string{})) : std::nullopt;
    if (!id) return refuse("memory_id should be a valid UUID");
    ids.push_back(*id);
  }
  return ids;
}

Answer BatchUpdate(Project& project, const Call& call) {
  const auto ids = BatchIn(call);
  if (!ids) return ids.error();
  const Json& items = call.Field("memories");
  for (const Json& item : items) {
    if (!item.contains("text") || !item["text"].is_string())
      return WithStatus(400, {{"error", "text is required for every memory"}});
  }
  std::size_t changed = 0;
  for (std::size_t i = 0; i < ids->size(); ++i) {
    const Memory* memory = project.store.Find((*ids)[i]);
    if (memory == nullptr || memory->immutable) continue;
    Edit edit;
    edit.text = items[i]["text"].get<std::string>();
    project.ChangeMemory((*ids)[i], std::move(edit), true);
    ++changed;
  }
  return Ok({{"message", fmt::format("Successfully updated {} memories", changed)}});
}

Answer BatchDelete(Project& project, const Call& call) {
  const auto ids = BatchIn(call);
  if (!ids) return ids.error();
  std::size_t deleted = 0;
  for (const Uuid& id : *ids) {
    if (project.DeleteMemory(id, project.settings.bulk_deletes_announced)) ++deleted;
  }
  return Ok({{"message", fmt::format("Successfully deleted {} memories", deleted)}});
}

Answer DeleteAll(Project& project, const Call& call) {
  auto query = QueryInParameters(call);
  if (!query) return FilterRequired("error");
  query->show_expired = query->include_merged = true;
  const std::string event = project.operations.Begin("DELETE_ALL", Json(call.query));
  project.Soon(project.settings.bulk_delete_ms, [&project, event, query = *query] {
    for (const Slot slot : project.store.Select(query, std::nullopt)) {
      project.DeleteMemory(project.store.Ever(slot).id, project.settings.bulk_deletes_announced);
    }
    project.operations.Succeed(event, Json::array());
  });
  return Ok({{"message", "Delete in progress. This may take some time."}, {"event_id", event}});
}

Answer Feedback(Project& project, const Call& call) {
  Json errors = Json::object();
  const auto id = call.Text("memory_id");
  if (!id) errors["memory_id"] = Json::array({"This field is required."});
  const Json& feedback = call.Field("feedback");
  const bool known = feedback.is_null() || feedback == "POSITIVE" || feedback == "NEGATIVE" || feedback == "VERY_NEGATIVE";
  if (!known) errors["feedback"] = Json::array({fmt::format("{} is not a valid choice.", feedback.dump())});
  if (!errors.empty()) return WithStatus(400, errors);
  const auto memory = Uuid::Parse(*id);
  if (!memory) return WithStatus(400, {{"memory_id", Json::array({"Must be a valid UUID."})}});
  if (project.store.Find(*memory) == nullptr) return MemoryNotFound();
  return Ok({{"id", project.dice.NewUuid().Text()}, {"feedback", feedback}, {"feedback_reason", call.Field("feedback_reason")}});
}

}  // namespace

std::vector<Route> MemoryRoutes() {
  return {{"POST", "/v3/memories/add/", "memories.add", Add},
          {"GET", "/v1/memories/{}/", "memories.get", GetMemory},
          {"PUT", "/v1/memories/{}/", "memories.update", UpdateMemory},
          {"DELETE", "/v1/memories/{}/", "memories.delete", DeleteMemory},
          {"DELETE", "/v1/memories/", "memories.delete_all", DeleteAll},
          {"PUT", "/v1/batch/", "memories.batch_update", BatchUpdate},
          {"DELETE", "/v1/batch/", "memories.batch_delete", BatchDelete},
          {"POST", "/v1/feedback/", "feedback", Feedback}};
}

}  // namespace membridge::mem0_sim
