#include "tests/mem0_sim/project.hpp"

#include <utility>

namespace membridge::mem0_sim {

using Json = nlohmann::json;

namespace {

/// What the project's owner has set in place of Mem0's own: the categories that the example mappings ask for.
Json CategoriesOfExamples() {
  Json categories = Json::array();
  for (const char* name : {"support", "complaint", "vip", "do not call", "follow-up", "hobbies", "travel"})
    categories.push_back({{name, std::string{"About "} + name}});
  return categories;
}

}  // namespace

Project::Project(Account who, std::uint64_t seed, Later later)
    : account(std::move(who)),
      dice(seed),
      store(clock, dice),
      operations(clock, dice),
      tenancy(clock, dice),
      exports(clock, dice),
      profiles(clock),
      faults(dice),
      deliveries(seed + 1),
      later_(std::move(later)) {
  keys_[account.api_key] = this;
  tenancy.Add(account.org_id, "", {{"name", "default-org"}}, account.user_email);
  tenancy.Add(account.project_id, account.org_id,
              {{"name", account.project_name},
               {"description", nullptr},
               {"custom_categories", CategoriesOfExamples()},
               {"custom_instructions", nullptr},
               {"agent_custom_instructions", nullptr},
               {"user_role", "OWNER"}},
              account.user_email);
}

Project* Project::OfKey(const std::string& key) {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : found->second;
}

void Project::GiveKey(const std::string& key, const std::string& project_id) {
  if (project_id == account.project_id) {
    keys_[key] = this;
    return;
  }
  std::unique_ptr<Project>& other = others_[project_id];
  if (!other) {
    Account who = account;
    who.api_key = key;
    who.project_id = project_id;
    other = std::make_unique<Project>(std::move(who), 7, later_);
  }
  keys_[key] = other.get();
}

void Project::Announce(const std::string& event_type, const Json& details) {
  const std::string body = Json{{"event_details", details}}.dump();
  for (const Webhook& webhook : webhooks.All()) {
    if (webhook.Wants(event_type) && !webhook.foreign) deliveries.Post(webhook.webhook_id, webhook.url, body);
  }
}

void Project::AnnounceChange(const char* event_type, const char* event, const Memory& memory) {
  Announce(event_type, {{"id", memory.id.Text()}, {"data", {{"memory", *memory.text}}}, {"event", event}});
}

const Memory& Project::AddMemory(NewMemory fresh, bool announced) {
  const Memory& memory = store.Add(std::move(fresh));
  if (announced) AnnounceChange("memory_add", "ADD", memory);
  CategorizeByItself(memory);
  return memory;
}

void Project::CategorizeByItself(const Memory& memory) {
  std::vector<std::string> labels;
  for (const auto& [word, label] : settings.categories_by_word) {
    if (memory.text->find(word) != std::string::npos) labels.push_back(label);
  }
  if (labels.empty()) return;
  Soon(settings.categorize_ms, [this, id = memory.id, labels] { Categorize(id, labels, true); });
}

const Memory* Project::ChangeMemory(const Uuid& id, Edit edit, bool announced) {
  const bool worth_telling = edit.text || settings.metadata_updates_announced;
  const Memory* memory = store.Change(id, std::move(edit));
  if (memory != nullptr && announced && worth_telling) AnnounceChange("memory_update", "UPDATE", *memory);
  return memory;
}

const Memory* Project::Categorize(const Uuid& id, std::optional<std::vector<std::string>> labels, bool announced) {
  Edit edit;
  edit.categories = labels;
  edit.touches_updated_at = settings.categorize_touches_updated_at;
  const Memory* memory = store.Change(id, std::move(edit));
  if (memory != nullptr && announced) {
    Announce("memory_categorize",
             {{"event", "CATEGORIZE"}, {"memory_id", id.Text()}, {"categories", labels.value_or(std::vector<std::string>{})}});
  }
  return memory;
}

bool Project::DeleteMemory(const Uuid& id, bool announced) {
  const Memory* memory = store.Find(id);
  if (memory == nullptr) return false;
  Json details{{"id", id.Text()}, {"event", "DELETE"}};
  if (settings.deleted_text != "absent") details["data"]["memory"] = settings.deleted_text == "last" ? *memory->text : "";
  store.Delete(id);
  if (announced) Announce("memory_delete", details);
  return true;
}

void Project::Soon(int milliseconds, std::function<void()> work) {
  ++soon_;
  later_(std::chrono::milliseconds{milliseconds}, [this, work = std::move(work)] {
    work();
    --soon_;
  });
}

std::optional<Store::Moment> Project::MomentOfRead() {
  const auto lag = faults.Lag();
  if (!lag) return std::nullopt;
  return std::chrono::steady_clock::now() - *lag;
}

tl::expected<void, std::string> Project::SetFaults(const Json& json) {
  auto set = faults.Set(json);
  if (set) store.RememberFor(faults.LongestLag());
  return set;
}

}  // namespace membridge::mem0_sim
