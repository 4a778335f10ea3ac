#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <tl/expected.hpp>

#include "tests/mem0_sim/crowd.hpp"
#include "tests/mem0_sim/deliveries.hpp"
#include "tests/mem0_sim/exports.hpp"
#include "tests/mem0_sim/faults.hpp"
#include "tests/mem0_sim/journal.hpp"
#include "tests/mem0_sim/operations.hpp"
#include "tests/mem0_sim/profiles.hpp"
#include "tests/mem0_sim/settings.hpp"
#include "tests/mem0_sim/store.hpp"
#include "tests/mem0_sim/tenancy.hpp"
#include "tests/mem0_sim/webhooks.hpp"

namespace membridge::mem0_sim {

/// Who asks, as `ping` tells it.
struct Account {
  std::string api_key = "m0-sim";
  std::string org_id = "org_sim";
  std::string project_id = "proj_sim";
  std::string project_name = "default-project";
  std::string user_email = "dev@example.com";
  std::string owner = "sim";
};

/// One Mem0 project: what the API and the control plane act on. For one thread; only the deliveries have threads of their own.
class Project {
 public:
  /// Runs `work` on the project's thread after a while.
  using Later = std::function<void(std::chrono::milliseconds, std::function<void()> work)>;

  Project(Account who, std::uint64_t seed, Later later);

  const Memory& AddMemory(NewMemory memory, bool announced);
  /// nullptr: there is none.
  const Memory* ChangeMemory(const Uuid& id, Edit edit, bool announced);
  /// CATEGORIZE follows when announced.
  const Memory* Categorize(const Uuid& id, std::optional<std::vector<std::string>> labels, bool announced);
  bool DeleteMemory(const Uuid& id, bool announced);

  /// Later, but counted: the project is not idle before it has run.
  void Soon(int milliseconds, std::function<void()> work);
  bool Idle() const { return soon_ == 0 && deliveries.Idle(); }

  /// Reads may lag: the moment this one sees, or nothing for now.
  std::optional<Store::Moment> MomentOfRead();
  tl::expected<void, std::string> SetFaults(const nlohmann::json& json);

  /// The project that a key belongs to: this one, or another of the same server; nullptr when no key of that name is in force.
  Project* OfKey(const std::string& key);
  /// From now on the key is in force: this project's, or another's, which is empty when it is named for the first time.
  void GiveKey(const std::string& key, const std::string& project_id);
  void RevokeKey(const std::string& key) { keys_.erase(key); }

  const Account account;
  Settings settings;
  SimClock clock;
  Dice dice;
  Store store;
  Crowd crowd;
  Webhooks webhooks;
  Operations operations;
  Tenancy tenancy;
  Exports exports;
  Profiles profiles;
  Faults faults;
  Journal journal;
  Deliveries deliveries;

 private:
  void Announce(const std::string& event_type, const nlohmann::json& details);
  void AnnounceChange(const char* event_type, const char* event, const Memory& memory);
  void CategorizeByItself(const Memory& memory);

  Later later_;
  int soon_ = 0;
  std::map<std::string, Project*> keys_;
  std::map<std::string, std::unique_ptr<Project>> others_;  // by project id
};

}  // namespace membridge::mem0_sim
