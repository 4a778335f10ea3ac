#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace membridge::test {

/// A local Mem0 (tests/mem0_sim) as a child process on a free port, gone when this goes out of scope or the test program dies.
///
/// Everything here goes through the control plane and suffers no faults; changes are announced by webhooks as if they had come in
/// over the API, unless `announce` is false: then nobody is told, as when a delivery is lost. Every failure throws
/// std::runtime_error with the simulator's words. For one thread at a time.
class Mem0Sim {
 public:
  struct Options {
    std::string api_key = "m0-test-key";
    std::string project_id = "proj_test";
    std::uint64_t seed = 1;  ///< of faults, ids and what happens to deliveries
  };

  /// Returns when it listens.
  Mem0Sim();
  explicit Mem0Sim(Options options);
  ~Mem0Sim();
  Mem0Sim(const Mem0Sim&) = delete;
  Mem0Sim& operator=(const Mem0Sim&) = delete;

  /// `http://127.0.0.1:PORT`, without a slash at the end.
  const std::string& BaseUrl() const;
  const std::string& ApiKey() const;
  /// Mem0's id of the project, as ping answers it.
  const std::string& ProjectId() const;

  /// One call of the control plane: `Control("PUT", "/faults", {{"stale_ms", 150}})`. The path stands below `/_sim`; see
  /// tests/mem0_sim/README.md. Null means no body.
  nlohmann::json Control(const std::string& method, const std::string& path, const nlohmann::json& body = nullptr);
  /// One call of the Mem0 API with the right key: the status and the body. Faults apply.
  std::pair<int, nlohmann::json> Api(const std::string& method, const std::string& path, const nlohmann::json& body = nullptr);

  /// A memory of a user; answers its id. Categories, when given, follow in an event of their own, as at Mem0.
  std::string Add(const std::string& user, const std::string& text, const nlohmann::json& metadata = nullptr,
                  const std::vector<std::string>& categories = {}, bool announce = true);
  /// Changes `text`, `metadata`, `categories`, `expiration_date`, `replaced_by`, `merged`, `synthesized`: what `edit` names.
  void Edit(const std::string& id, const nlohmann::json& edit, bool announce = true);
  void Update(const std::string& id, const std::string& text, bool announce = true) { Edit(id, {{"text", text}}, announce); }
  void Delete(const std::string& id, bool announce = true);
  void Categorize(const std::string& id, const std::vector<std::string>& categories, bool announce = true);
  /// Many memories at once, without webhooks: `user-0` … own them in turn.
  void Load(std::size_t users, std::size_t memories, const nlohmann::json& more = nlohmann::json::object());

  /// The same, but generated whenever they are read and never stored: a million cost nothing. They cannot be changed.
  void SetCrowd(std::size_t users, std::size_t memories, const nlohmann::json& more = nlohmann::json::object());

  /// A webhook for the four memory events; answers its id.
  std::string Subscribe(const std::string& url);

  /// A key is in force from now on: of this project, or of another one, which is empty when it is named for the first time.
  void GiveKey(const std::string& key, const std::string& project_id) {
    Control("PUT", "/keys/" + key, {{"project_id", project_id}});
  }
  void RevokeKey(const std::string& key) { Control("DELETE", "/keys/" + key); }
  void SetFaults(const nlohmann::json& faults) { Control("PUT", "/faults", faults); }
  void ClearFaults() { Control("DELETE", "/faults"); }
  void SetDelivery(const nlohmann::json& delivery) { Control("PUT", "/delivery", delivery); }
  void SetSettings(const nlohmann::json& settings) { Control("PUT", "/settings", settings); }
  void SetExports(const nlohmann::json& exports) { Control("PUT", "/exports", exports); }
  /// Moves the simulated clock forward: exports grow old, memories expire.
  void Advance(std::chrono::seconds by) { Control("POST", "/clock", {{"advance_seconds", by.count()}}); }

  /// How often an endpoint was called: `memories.get`, `memories.list`, `ping`, …; with an empty name, all of them together.
  std::uint64_t Calls(const std::string& endpoint = {});
  void ResetCalls() { Control("DELETE", "/calls"); }
  nlohmann::json DeliveryStatistics() { return Control("GET", "/deliveries"); }

  /// Every memory there is now, by id, as GET of a single memory would show it without faults.
  std::map<std::string, nlohmann::json> Truth();

  /// Waits until no delivery is waiting or under way and nothing is about to happen. False when that took longer.
  bool WaitIdle(std::chrono::milliseconds deadline = std::chrono::seconds{30});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace membridge::test
