#include "tests/mem0_sim/profiles.hpp"

namespace membridge::mem0_sim {

using Json = nlohmann::json;

Json Profiles::Settings() const {
  return {{"enabled", enabled_}, {"entities", {{"user", {{"schema", schema_}, {"custom_instructions", instructions_}}}}}};
}

void Profiles::Change(const Json& settings) {
  enabled_ = settings.value("enabled", enabled_);
  const Json user = settings.value("entities", Json::object()).value("user", Json::object());
  schema_ = user.value("schema", schema_);
  instructions_ = user.value("custom_instructions", instructions_);
}

Profiles::Job& Profiles::Begin(const std::string& id, const std::string& user, const std::optional<std::string>& idempotency_key,
                               bool& again) {
  if (idempotency_key) {
    const auto known = jobs_by_key_.find(*idempotency_key);
    again = known != jobs_by_key_.end();
    if (again) return jobs_.at(known->second);
    jobs_by_key_[*idempotency_key] = id;
  }
  profiles_[user].status = "pending";
  return jobs_[id] = {id, user, "pending"};
}

const Profiles::Job* Profiles::Find(const std::string& id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

void Profiles::Finish(const std::string& job, const std::vector<const Memory*>& newest_first) {
  Job& finished = jobs_.at(job);
  Profile& profile = profiles_[finished.user];
  finished.status = "succeeded";
  profile.status = newest_first.empty() ? "insufficient_data" : "succeeded";
  profile.filled = newest_first.empty() ? Json{} : FillSchema(schema_, newest_first);
  profile.updated_at = clock_.Now();
  ++profile.generations;
}

Json Profiles::ProfileOf(const std::string& user) const {
  Json shown{{"profile", nullptr},    {"status", enabled_ ? "insufficient_data" : "not_enabled"},
             {"entity_type", "user"}, {"entity_id", user},
             {"updated_at", nullptr}, {"generation_count", 0},
             {"error", nullptr}};
  const auto found = profiles_.find(user);
  if (!enabled_ || found == profiles_.end()) return shown;
  shown["profile"] = found->second.filled;
  shown["status"] = found->second.status;
  if (found->second.updated_at) shown["updated_at"] = FormatAsMem0(*found->second.updated_at, Zone::kPacific);
  shown["generation_count"] = found->second.generations;
  return shown;
}

}  // namespace membridge::mem0_sim
