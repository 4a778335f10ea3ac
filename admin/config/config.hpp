#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "admin/config/audit_keys.hpp"
#include "admin/config/role.hpp"
#include "mappings/base/diagnostic.hpp"
#include "mappings/base/id.hpp"
#include "receiver/verify/network.hpp"
#include "receiver/verify/verifier.hpp"
#include "sync/feed/endpoint.hpp"
#include "sync/worker/canary.hpp"

namespace membridge::admin {

/// An address to listen on. Port 0 lets the system choose.
struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;
};

/// An entry of `admin.tokens`.
struct AdminToken {
  std::string name;
  Role role = Role::kViewer;
  std::string token;  ///< secret
};

/// One verification scheme that must accept a delivery.
struct VerificationScheme {
  std::string name;                                      ///< as written: `token`, `hmac`, …
  std::shared_ptr<const receiver::Verifier> verifier{};  ///< empty for `token`, because its tokens are in the database
  std::vector<VerificationScheme> parts{};               ///< of `all` and `any`, which have no verifier of their own
  receiver::Networks trusted_proxies{};                  ///< of `ip-allow` and `client-certificate`
};

/// A project's `webhook`.
struct WebhookConfig {
  std::string public_url;  ///< without a slash at the end; empty: no webhook is registered for this project
  std::string name;
  std::vector<std::string> events;
  bool manage = false;
  std::chrono::milliseconds check_every = std::chrono::minutes{5};  ///< how often a managed webhook is checked
  std::chrono::seconds overlap = std::chrono::hours{24};            ///< how long a replaced token is still accepted
  std::vector<VerificationScheme> verify;                           ///< all of them must pass
};

/// A project's `source`: a Mem0 of one's own, whose memories are rows of a table.
struct SourceConfig {
  std::string dsn;                                             ///< secret: it may contain a password
  std::string table = "public.memories";                       ///< as written
  std::chrono::milliseconds poll = std::chrono::seconds{30};   ///< without the change log: how often changed rows are looked for
  std::chrono::milliseconds sweep = std::chrono::minutes{15};  ///< without the change log: how often deleted rows are looked for
  mappings::Place place{};
};

/// An entry of `projects`: one project at Mem0, or with `source` a Mem0 of one's own.
struct ProjectConfig {
  ProjectId id;
  std::string api_key;                 ///< secret
  std::string api_key_file{};          ///< as it can be opened; empty when the key is in the configuration itself
  std::string base_url;                ///< without a slash at the end
  std::size_t calls_per_second = 100;  ///< the most calls to Mem0; fewer when Mem0 asks for it
  WebhookConfig webhook;
  std::optional<sync::CanaryOptions> canary{};  ///< nothing: the project has no canary
  std::optional<SourceConfig> source{};         ///< nothing: the project is at Mem0's Platform
  mappings::Place key_place{};                  ///< of api_key or api_key_file
  mappings::Place url_place{};                  ///< of base_url, else of the project
};

/// A target's `feed`: whether changed rows are told in membridge.changes, and for how long they stay there.
struct FeedConfig {
  bool on = false;  ///< false: only mappings that say `feed: true` tell
  std::chrono::seconds retention = std::chrono::days{7};
  std::optional<std::string> publication{};  ///< of membridge.changes, for logical consumers
};

/// The database of target tables: without `dsn` the state database, else the database of this DSN (secret: it may contain a
/// password).
struct TargetConfig {
  std::string name;
  std::optional<std::string> dsn;
  mappings::Place place{};  ///< of its `database`
  FeedConfig feed{};
};

/// An entry of `mappings`.
struct MappingConfig {
  std::string file;                  ///< as it can be opened
  std::optional<ProjectId> project;  ///< nothing: every project
  std::string target = "default";
  std::map<std::string, std::string> vars;
  std::optional<bool> feed{};  ///< nothing: as the target says
  mappings::Place place;
};

/// An entry of `feeds`: an endpoint that is told of a target's changes.
struct EndpointConfig {
  sync::Endpoint endpoint;
  std::string target = "default";
  mappings::Place place{};
};

/// An entry of `backfill`: a scheduled export or sweep.
struct BackfillConfig {
  enum class Kind { kExport, kIncrementalSweep, kFullSweep };
  std::string name;
  ProjectId project;
  Kind kind = Kind::kExport;
  std::string export_mapping;  ///< of kExport
  std::string instructions;    ///< of kExport: the instructions for Mem0 besides the schema; empty: the default text
  bool profiles = false;       ///< of kExport: reads Mem0's User Profiles instead of asking for exports
  bool full = false;           ///< of kExport: every user each time, changed or not
  std::chrono::seconds deadline = std::chrono::minutes{10};  ///< of kExport: one that is not ready by then has failed
  std::string schedule;                                      ///< five cron fields
  std::string timezone = "UTC";
  std::chrono::seconds jitter{0};  ///< a run starts at most this long after its scheduled time
  mappings::Place place;
};

/// The settings under `sync`, for the workers.
struct SyncConfig {
  std::size_t workers = 2;
  std::size_t batch = 200;  ///< memories per claim, at most what one Mem0 list call can hold (200)
  std::chrono::milliseconds read_lag{
      1'000};                             ///< a read that began earlier than this after the newest delivery is looked at again
  std::chrono::seconds lease{60};         ///< how long a claim hides a memory from other workers
  std::chrono::milliseconds poll{1'000};  ///< how often to look for work without a NOTIFY
  std::chrono::milliseconds lock_timeout{2'000};        ///< of every session: how long it waits for a lock
  std::chrono::milliseconds statement_timeout{30'000};  ///< of every session: how long a statement may take
  std::chrono::seconds delivery_patience{60};  ///< a younger change may still be delivered, so no sweep counts it as lost
};

/// The limits of the listener for deliveries.
struct HttpConfig {
  std::chrono::milliseconds idle = std::chrono::seconds{150};  ///< between two requests of a connection, on both listeners
  std::size_t connections_per_address = 256;                   ///< loopback and trusted proxies are exempt
  receiver::Networks trusted_proxies;  ///< exempt from that limit, as are those that `verify` and `admin` trust
};

/// `membridge.yaml`, read and checked as far as possible without database and network. Relative paths in the file count from the
/// file's folder; the paths here can be opened as they are. Immutable after loading.
struct Config {
  std::string file;
  ListenAddress listen{"127.0.0.1", 8080};
  ListenAddress admin_listen{"127.0.0.1", 8081};
  std::vector<AdminToken> admin_tokens;
  /// Seal the entries of the audit; empty: entries are not sealed.
  std::shared_ptr<const AuditKeys> audit_keys{};
  std::string audit_key_file{};              ///< as it can be opened
  bool save_mappings = false;                ///< whether the role admin may save drafts over mapping files
  receiver::Networks admin_trusted_proxies;  ///< whose X-Forwarded-For the admin API believes
  /// `dev` only: how often Mem0 is asked for changes (Mem0Polling), because no webhook reports them. Nothing: no polling.
  std::optional<std::chrono::milliseconds> poll_mem0{};
  std::optional<std::string> database;  ///< nothing: embedded; else a DSN (secret: it may contain a password)
  mappings::Place database_place;       ///< of `database`
  std::string state_dir;
  std::vector<ProjectConfig> projects;
  std::vector<TargetConfig> targets;  ///< `default` is always among them
  std::set<std::string> pooled;       ///< DSNs behind a pooler in transaction mode
  std::vector<MappingConfig> mappings;
  std::vector<EndpointConfig> feeds;
  std::vector<BackfillConfig> backfill;
  std::chrono::seconds keep_deliveries = std::chrono::days{30};
  std::chrono::seconds keep_parked = std::chrono::days{90};
  std::chrono::seconds keep_runs = std::chrono::days{90};
  std::size_t max_body_bytes = 1024 * 1024;
  HttpConfig http;
  std::chrono::milliseconds soft_stop{25'000};
  SyncConfig sync;

  const ProjectConfig* FindProject(const ProjectId& id) const;
  const TargetConfig* FindTarget(const std::string& name) const;
  const EndpointConfig* FindFeed(const std::string& name) const;
  /// Whether what the mapping changes is told to the change feed.
  bool Tells(const MappingConfig& mapping) const;
  /// Whether any mapping of the target tells.
  bool HasFeed(const std::string& target) const;
};

/// Returns the API key in a file, without white space at its end; "" when the file cannot be read or does not contain a possible
/// key.
std::string ReadKeyFile(const std::string& file);

/// Looks up the value of `${VAR}`: in the process's environment, or in a test's.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment ProcessEnvironment();

/// Reads the configuration from disk. Adds every problem to `problems` with its place, and returns nothing when one is an error.
/// No message contains the value of a variable, a key, a token or a DSN. Never throws on bad input.
std::optional<Config> LoadConfig(const std::string& file, const Environment& environment, mappings::Diagnostics& problems);

/// Reads the configuration from text in the same way. `file` gives the folder for relative paths and the name in messages.
std::optional<Config> ReadConfig(const std::string& file, const std::string& yaml, const Environment& environment,
                                 mappings::Diagnostics& problems);

}  // namespace membridge::admin
