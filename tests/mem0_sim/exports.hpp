#pragma once

#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "tests/mem0_sim/memory.hpp"

namespace membridge::mem0_sim {

/// Fills a JSON Schema from memories, the newest first, the same way every time: a property takes the value that the newest
/// memory with a metadata key of its name holds, else null.
nlohmann::json FillSchema(const nlohmann::json& schema, const std::vector<const Memory*>& newest_first);

/// The export jobs of one project. A job is computed when it is created, can be fetched some time later, and is gone after seven
/// days of simulated time. For one thread.
class Exports {
 public:
  Exports(SimClock& clock, Dice& dice) : clock_(clock), dice_(dice) {}

  /// What users' exports answer, by entity name: `instance` instead of the filled schema, `patch` over it (null values included),
  /// `remove` names of keys, `never_ready`, `ready_after_ms`, `fails`
  /// (asking for it answers 500). The other half says what is wrong.
  tl::expected<void, std::string> Set(const nlohmann::json& script);
  nlohmann::json Get() const;

  /// Answers the job's id.
  std::string Create(const nlohmann::json& request, const std::vector<const Memory*>& newest_first);
  /// Nothing when it is not ready, unknown or expired: Mem0 does not tell these apart.
  std::optional<std::string> Result(const std::string& id) const;
  /// Whether asking for this job is to fail.
  bool Fails(const std::string& id) const;
  /// Of the latest ready job whose filters name all of these entities.
  std::optional<std::string> LatestResult(const std::vector<std::pair<EntityType, std::string>>& entities) const;
  /// Every job, oldest first.
  nlohmann::json Jobs() const;

 private:
  struct Script {
    std::optional<nlohmann::json> instance;
    nlohmann::json patch = nlohmann::json::object();
    std::vector<std::string> remove;
    bool never_ready = false;
    bool fails = false;
    std::optional<int> ready_after_ms;
  };
  struct Job {
    std::string id;
    nlohmann::json request;
    std::vector<std::pair<EntityType, std::string>> entities;
    Instant created_at;
    std::optional<Instant> ready_at;  ///< nothing: never
    std::string result;
  };

  static Script Parse(const nlohmann::json& json);
  const Script* ScriptFor(const Job& job) const;
  bool IsThere(const Job& job) const;

  SimClock& clock_;
  Dice& dice_;
  int ready_after_ms_ = 50;
  std::map<std::string, Script> scripts_;
  std::deque<Job> jobs_;
  std::map<std::string, const Job*> by_id_;
};

}  // namespace membridge::mem0_sim
