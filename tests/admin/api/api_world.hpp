#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "admin/runtime/mem0_clients.hpp"
#include "admin/runtime/metrics.hpp"
#include "admin/serve/admin_listener.hpp"
#include "sync/worker/worker.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/mem0_sim.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::test {

/// Tokens of the configuration, by role.
inline const std::string kViewerToken = "viewer-token-0123456789";
inline const std::string kOperatorToken = "operator-token-0123456789";
inline const std::string kAdminToken = "admin-token-0123456789";

/// What a call answered.
struct ApiAnswer {
  int status = 0;
  nlohmann::json body;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string text;                            ///< the body as it came
};

/// A real admin listener with its database, the example CRM in it, a local Mem0 and a token per role. Every answer is compared
/// with the document: an undocumented status or a body that does not fit its schema fails the test.
class ApiWorld {
 public:
  struct Options {
    std::string admin = {};  ///< more lines of the configuration's `admin:`, as `trusted_proxies: [127.0.0.1]`
    bool with_tokens = true;
    admin::api::Throttle::Limits throttle{};
    std::string mapping = {};  ///< a file of its own; empty: the example
    std::chrono::milliseconds preview_patience{2'000};
    Cluster* cluster = nullptr;  ///< where the database is; nullptr: in the shared one
  };
  ApiWorld() : ApiWorld(Options{}) {}
  explicit ApiWorld(Options options);
  ~ApiWorld();

  /// `path` below /api/v1, with query. Null means no body. Headers come on top of the token's and the body's.
  ApiAnswer Call(const std::string& method, const std::string& path, const nlohmann::json& body = nullptr,
                 const std::string& token = kAdminToken, const std::vector<std::string>& headers = {});
  /// The body of an answer that must have gone well.
  nlohmann::json Get(const std::string& path, const std::string& token = kAdminToken);
  nlohmann::json Post(const std::string& path, const nlohmann::json& body, const std::string& token = kAdminToken);
  /// A request as it stands, not compared with the document.
  ApiAnswer Raw(const std::string& method, const std::string& target, const std::string& body,
                const std::vector<std::string>& headers);
  /// The same by another client, from any thread.
  ApiAnswer RawBy(HttpClient& client, const std::string& method, const std::string& target, const std::string& body,
                  const std::vector<std::string>& headers) const;

  /// Lets a worker do everything that is due, until nothing is dirty.
  void Settle();
  /// A memory at Mem0, delivered and applied; answers its id.
  std::string Remember(const std::string& user, const std::string& text);
  /// Stores a delivery that names these memories; answers its id.
  std::string Deliver(const std::vector<std::string>& memories, const std::string& body = R"({"event":"x"})");
  void Park(const std::string& memory, const std::string& cause);

  /// The newest audit entries, newest first.
  nlohmann::json Audit(std::size_t limit = 1);

  PgDatabase db;
  Mem0Sim mem0;
  admin::MappingsInForce in_force;  ///< between calls a test may change what is refused
  std::vector<admin::Reason> reasons{};
  admin::Recent recent;
  sync::LagCounts lags{};  ///< what the process applied so far
  std::atomic<int> woken{0}, backfills_woken{0}, tokens_issued{0};

 private:
  void Compare(const std::string& method, const std::string& path, const ApiAnswer& answer) const;

  std::optional<admin::Config> config_;
  std::optional<admin::Databases> databases_;
  admin::Metrics metrics_;
  std::optional<admin::Mem0Clients> clients_;
  const SystemClock clock_;
  sync::WorkerCounters counters_;
  std::optional<admin::AdminListener> listener_;
  std::string url_;
  HttpClient http_;
};

}  // namespace membridge::test
