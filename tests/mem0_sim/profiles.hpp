#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/mem0_sim/exports.hpp"

namespace membridge::mem0_sim {

/// User Profiles: an object per user, shaped by the project's schema, made when asked for. For one thread.
class Profiles {
 public:
  explicit Profiles(SimClock& clock) : clock_(clock) {}

  /// `{"enabled", "entities": {"user": {"schema", "custom_instructions"}}}`
  nlohmann::json Settings() const;
  /// Writes what is there and leaves the rest.
  void Change(const nlohmann::json& settings);
  bool Enabled() const { return enabled_; }

  /// A job as the API shows it. The same key answers the same job.
  struct Job {
    std::string id;
    std::string user;
    std::string status;
  };
  Job& Begin(const std::string& id, const std::string& user, const std::optional<std::string>& idempotency_key, bool& again);
  const Job* Find(const std::string& id) const;
  void Finish(const std::string& job, const std::vector<const Memory*>& newest_first);

  /// As `GET /v2/entities/user/{id}/profile/` answers.
  nlohmann::json ProfileOf(const std::string& user) const;

 private:
  struct Profile {
    nlohmann::json filled;
    std::string status;
    std::optional<Instant> updated_at;
    int generations = 0;
  };

  SimClock& clock_;
  bool enabled_ = false;
  nlohmann::json schema_ = nlohmann::json::object();
  nlohmann::json instructions_;
  std::map<std::string, Job> jobs_;
  std::map<std::string, std::string> jobs_by_key_;
  std::map<std::string, Profile> profiles_;
};

}  // namespace membridge::mem0_sim
