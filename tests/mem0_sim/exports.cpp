#include "tests/mem0_sim/exports.hpp"

#include <algorithm>
#include <chrono>

#include "tests/mem0_sim/filter.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

constexpr std::chrono::days kExportsKept{7};

}  // namespace

Json FillSchema(const Json& schema, const std::vector<const Memory*>& newest_first) {
  Json filled = Json::object();
  std::vector<Json> metadata;
  for (const Memory* memory : newest_first) metadata.push_back(memory->Metadata());
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [property, _] : properties.items()) {
    filled[property] = nullptr;
    const auto holder =
        std::find_if(metadata.begin(), metadata.end(), [&, &name = property](const Json& held) { return held.contains(name); });
    if (holder != metadata.end()) filled[property] = (*holder)[property];
  }
  return filled;
}

Exports::Script Exports::Parse(const Json& json) {
  Script script;
  if (json.contains("instance")) script.instance = json["instance"];
  script.patch = json.value("patch", script.patch);
  script.remove = json.value("remove", script.remove);
  script.fails = json.value("fails", false);
  script.never_ready = json.value("never_ready", false);
  if (json.contains("ready_after_ms")) script.ready_after_ms = json["ready_after_ms"].get<int>();
  return script;
}

tl::expected<void, std::string> Exports::Set(const Json& json) {
  try {
    std::map<std::string, Script> scripts;
    const Json users = json.value("users", Json::object());
    for (const auto& [name, script] : users.items()) scripts.emplace(name, Parse(script));
    const int ready_after_ms = json.value("ready_after_ms", ready_after_ms_);
    if (json.contains("users")) scripts_ = std::move(scripts);
    ready_after_ms_ = ready_after_ms;
    return {};
  } catch (const Json::exception& wrong) {
    return tl::unexpected{std::string{wrong.what()}};
  }
}

Json Exports::Get() const {
  Json users = Json::array();
  for (const auto& [name, _] : scripts_) users.push_back(name);
  return {{"ready_after_ms", ready_after_ms_}, {"scripted_users", users}, {"jobs", Jobs()}};
}

const Exports::Script* Exports::ScriptFor(const Job& job) const {
  for (const auto& [_, name] : job.entities) {
    if (const auto script = scripts_.find(name); script != scripts_.end()) return &script->second;
  }
  return nullptr;
}

std::string Exports::Create(const Json& request, const std::vector<const Memory*>& newest_first) {
  Job& job = jobs_.emplace_back();
  job.id = dice_.NewUuid().Text();
  job.request = request;
  job.entities = EntitiesNamedIn(request.at("filters"));
  job.created_at = clock_.Now();
  by_id_[job.id] = &job;
  const Script* script = ScriptFor(job);
  const int ready_after_ms = script != nullptr ? script->ready_after_ms.value_or(ready_after_ms_) : ready_after_ms_;
  if (script == nullptr || !script->never_ready) job.ready_at = job.created_at + std::chrono::milliseconds{ready_after_ms};
  Json instance = script != nullptr && script->instance ? *script->instance : FillSchema(request.at("schema"), newest_first);
  if (script != nullptr && instance.is_object()) {
    for (const auto& [key, value] : script->patch.items()) instance[key] = value;
    for (const std::string& key : script->remove) instance.erase(key);
  }
  job.result = instance.dump();
  return job.id;
}

bool Exports::IsThere(const Job& job) const {
  const Instant now = clock_.Peek();
  return job.ready_at && *job.ready_at <= now && now < job.created_at + kExportsKept;
}

std::optional<std::string> Exports::Result(const std::string& id) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end() || !IsThere(*found->second)) return std::nullopt;
  return found->second->result;
}

bool Exports::Fails(const std::string& id) const {
  const auto found = by_id_.find(id);
  const Script* script = found == by_id_.end() ? nullptr : ScriptFor(*found->second);
  return script != nullptr && script->fails;
}

std::optional<std::string> Exports::LatestResult(const std::vector<std::pair<EntityType, std::string>>& entities) const {
  for (auto job = jobs_.rbegin(); job != jobs_.rend(); ++job) {
    const bool fits = std::all_of(entities.begin(), entities.end(), [&](const auto& entity) {
      return std::find(job->entities.begin(), job->entities.end(), entity) != job->entities.end();
    });
    if (fits && IsThere(*job)) return job->result;
  }
  return std::nullopt;
}

Json Exports::Jobs() const {
  Json jobs = Json::array();
  for (const Job& job : jobs_) {
    jobs.push_back({{"id", job.id},
                    {"request", job.request},
                    {"created_at", FormatRfc3339(job.created_at)},
                    {"ready", IsThere(job)},
                    {"result", Json::parse(job.result)}});
  }
  return jobs;
}

}  // namespace membridge::mem0_sim
