#include <algorithm>
#include <cctype>
#include <functional>

#include "tests/mem0_sim/api.hpp"
#include "tests/mem0_sim/paging.hpp"
#include "tests/mem0_sim/requests.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLargestPage = 200;

/// What a listing found, as things were at its moment.
struct FoundMemories {
  std::vector<Slot> slots;
  std::optional<Store::Moment> moment;
};

/// The order of lists is undocumented; `shuffle_pages` makes it a different one with every call.
FoundMemories Select(Project& project, const Query& query) {
  FoundMemories found{{}, project.MomentOfRead()};
  found.slots = project.store.Select(query, found.moment);
  if (project.settings.shuffle_pages) std::shuffle(found.slots.begin(), found.slots.end(), project.dice.Engine());
  project.operations.Done("GET_ALL", Json::object(), Json::array());
  return found;
}

void AppendItem(const Project& project, std::string& out, const Memory& memory, RecordShape shape, const Json& fields) {
  if (const auto raw = project.settings.raw_records.find(memory.id.Text()); raw != project.settings.raw_records.end()) {
    out += raw->second;
    return;
  }
  if (!fields.is_array()) return AppendRecord(out, memory, shape);
  const Json record = RecordOf(memory, shape);
  Json chosen{{"id", record["id"]}, {"memory", record["memory"]}, {"created_at", record["created_at"]}};
  for (const Json& field : fields) {
    if (field.is_string() && record.contains(field.get<std::string>()))
      chosen[field.get<std::string>()] = record[field.get<std::string>()];
  }
  out += chosen.dump();
}

/// The stored ones, and behind them those that are only generated.
Answer PagedMemories(Project& project, const Call& call, const FoundMemories& found, const Crowd::Chosen& crowd = {}) {
  const std::size_t stored = found.slots.size();
  const auto append = [&](std::string& out, const Memory& memory) {
    AppendItem(project, out, memory, RecordShape::kListed, call.Field("fields"));
  };
  return Paged(project, call, PageOf(call, "page_size", 100, kLargestPage), "page_size", stored + crowd.size,
               [&](std::string& out, std::size_t place) {
                 if (place < stored) return append(out, *project.store.At(found.slots[place], found.moment));
                 project.crowd.Show(crowd.number_at(place - stored), [&](const Memory& memory) { append(out, memory); });
               });
}

Answer BareMemories(Project& project, const FoundMemories& found, std::size_t limit) {
  Answer answer;
  answer.body += '[';
  for (std::size_t place = 0; place < std::min(limit, found.slots.size()); ++place) {
    if (place != 0) answer.body += ',';
    AppendRecord(answer.body, *project.store.At(found.slots[place], found.moment), RecordShape::kListed);
  }
  answer.body += ']';
  return answer;
}

Answer ListMemories(Project& project, const Call& call) {
  const auto query = QueryIn(call);
  if (!query) return query.error();
  FoundMemories found = Select(project, *query);
  if (const auto keywords = call.Text("keywords")) {
    const auto lacks = [&](Slot slot) {
      return Lowered(*project.store.At(slot, found.moment)->text).find(Lowered(*keywords)) == std::string::npos;
    };
    found.slots.erase(std::remove_if(found.slots.begin(), found.slots.end(), lacks), found.slots.end());
    return PagedMemories(project, call, found);
  }
  return PagedMemories(project, call, found, project.crowd.Choose(*query));
}

/// Deprecated: a bare array, paged only when asked to.
Answer ListV2(Project& project, const Call& call) {
  const auto query = QueryIn(call);
  if (!query) return FilterRequired("message");
  const FoundMemories found = Select(project, *query);
  if (call.Query("page") || !call.Field("page").is_null()) return PagedMemories(project, call, found);
  return BareMemories(project, found, found.slots.size());
}

/// Older still: filters as query parameters.
Answer ListV1(Project& project, const Call& call) {
  const auto query = QueryInParameters(call);
  if (!query) return FilterRequired("message");
  const FoundMemories found = Select(project, *query);
  if (call.Query("page") && call.Query("page_size")) return PagedMemories(project, call, found);
  return BareMemories(project, found, PageOf(call, "limit", 100, kLargestPage).size);
}

Answer ListOfEntity(Project& project, const Call& call) {
  const auto type = EntityTypeNamed(call.parts[0]);
  if (!type) return WithStatus(400, {{"message", "Invalid entity type"}});
  const Json filters{{std::string{FieldOf(*type)}, call.parts[1]}};
  auto filter = Filter::Parse(filters);
  return BareMemories(project, Select(project, {std::move(*filter), filters.dump()}), kLargestPage);
}

/// Finds what contains the query, or one of its words.
Answer Search(Project& project, const Call& call) {
  const auto query = QueryIn(call);
  if (!query) return query.error();
  const auto asked = call.Text("query");
  if (!asked) return BadRequest("query is required.");
  std::vector<std::string> words{Lowered(*asked)};
  std::string word;
  for (const char c : words[0] + ' ') {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  const std::size_t limit = PageOf(call, "top_k", 10, 1000).size;
  const FoundMemories found = Select(project, *query);
  std::string results;
  std::size_t count = 0;
  for (const Slot slot : found.slots) {
    const Memory& memory = *project.store.At(slot, found.moment);
    const std::string text = Lowered(*memory.text);
    if (std::none_of(words.begin(), words.end(), [&](const std::string& part) { return text.find(part) != std::string::npos; }))
      continue;
    if (count++ == limit) break;
    if (!results.empty()) results += ',';
    AppendRecord(results, memory, RecordShape::kFound);
  }
  Answer answer;
  answer.body = "{\"results\":[" + results + "]}";
  return answer;
}

Json HistoryObject(const Store& store, const HistoryEntry& entry) {
  const Memory& memory = store.Ever(entry.slot);
  static constexpr std::array<const char*, 3> kEvents{"ADD", "UPDATE", "DELETE"};
  const auto text = [](const std::shared_ptr<const std::string>& held) { return held == nullptr ? Json{} : Json(*held); };
  const std::string at = FormatAsMem0(entry.at, Zone::kPacific);
  Json object{{"id", entry.id.Text()},
              {"memory_id", memory.id.Text()},
              {"input",
               Json::array({{{"role", "user"}, {"content", text(entry.new_text != nullptr ? entry.new_text : entry.old_text)}}})},
              {"old_memory", text(entry.old_text)},
              {"new_memory", text(entry.new_text)},
              {"categories", memory.categories == nullptr ? Json{} : Json(*memory.categories)},
              {"event", kEvents[static_cast<std::size_t>(entry.event)]},
              {"metadata", memory.Metadata()},
              {"previous_embedding_qwen", nullptr},
              {"embedding_qwen", nullptr},
              {"created_at", at},
              {"updated_at", at}};
  for (const EntityType type : kEntityTypes) {
    object[type == EntityType::kRun ? "session_id" : std::string{FieldOf(type)}] =
        memory.Owner(type) == nullptr ? Json{} : Json(memory.Owner(type)->name);
  }
  return object;
}

Answer History(Project& project, const Call& call) {
  const auto id = MemoryIdIn(call);
  if (!id) return id.error();
  const auto entries = project.store.HistoryOf(*id);
  if (entries.empty()) return MemoryNotFound();
  Json listed = Json::array();
  for (const HistoryEntry* entry : entries) listed.push_back(HistoryObject(project.store, *entry));
  return Ok(listed);
}

/// The history of the whole project, newest first.
Answer ProjectHistory(Project& project, const Call& call) {
  const auto& history = project.store.History();
  return Paged(project, call, PageOf(call, "limit", 100, 1000), "limit", history.size(),
               [&](std::string& out, std::size_t place) {
                 out += HistoryObject(project.store, history[history.size() - 1 - place]).dump();
               });
}

/// The operation log, newest first, with relative links.
Answer ListOperations(Project& project, const Call& call) {
  const auto type = call.Query("event_type");
  const auto from = call.Query("start_date");
  const auto until = call.Query("end_date");
  std::vector<const Operation*> found;
  for (const Operation& operation : project.operations.All()) {
    const std::string day = FormatRfc3339(operation.created_at).substr(0, 10);
    if ((type && *type != operation.event_type) || (from && day < *from) || (until && day > *until)) continue;
    found.push_back(&operation);
  }
  return Paged(
      project, call, PageOf(call, "page_size", 50, 100), "page_size", found.size(),
      [&](std::string& out, std::size_t place) { out += ObjectOf(*found[found.size() - 1 - place]).dump(); }, true);
}

Answer GetOperation(Project& project, const Call& call) {
  const Operation* operation = project.operations.Find(call.parts[0]);
  if (operation == nullptr) return WithStatus(404, {{"error", "Event not found or you don't have permission to access it."}});
  Json object = ObjectOf(*operation);
  object["graph_status"] = nullptr;
  object["error"] = nullptr;
  return Ok(object);
}

}  // namespace

std::vector<Route> ListRoutes() {
  return {{"POST", "/v3/memories/", "memories.list", ListMemories},
          {"POST", "/v3/memories/search/", "memories.search", Search},
          {"POST", "/v2/memories/", "memories.list_v2", ListV2},
          {"GET", "/v1/memories/", "memories.list_v1", ListV1},
          {"GET", "/v1/memories/events/", "memories.events", ProjectHistory},
          {"GET", "/v1/memories/{}/history/", "memories.history", History},
          {"GET", "/v1/memories/{}/{}/", "memories.list_entity", ListOfEntity},
          {"GET", "/v1/events/", "events.list", ListOperations},
          {"GET", "/v1/event/{}/", "events.get", GetOperation}};
}

}  // namespace membridge::mem0_sim
