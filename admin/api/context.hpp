#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/api/call.hpp"
#include "admin/config/config.hpp"
#include "admin/mapping_files/checked_mappings.hpp"
#include "admin/runtime/databases.hpp"
#include "admin/runtime/last_hour.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "admin/runtime/reasons.hpp"
#include "admin/runtime/token_watch.hpp"

namespace membridge::admin::api {

/// What handlers work with. All of it outlives them, and its functions may be called from any thread.
struct Parts {
  const Config& config;
  const Databases& databases;
  const Mem0Clients& mem0;
  std::function<MappingsInForce()> mappings;
  const Recent& recent;
  std::function<bool()> ready;                   ///< what /readyz says
  std::function<std::vector<Reason>()> reasons;  ///< why it is degraded, as /readyz says
  /// Why deliveries of a project may have missed this bridge until now, in words; empty: as far as this process knows, they
  /// did not.
  std::function<std::string(const ProjectId&)> unheard;
  std::function<std::optional<std::chrono::microseconds>()> lag;  ///< of the memory this process applied last
  std::function<sync::LagCounts()> lags;                          ///< of all that this process applied because of deliveries
  /// Cells where a memory and a person disagree and nobody has decided yet; nothing: not known now.
  std::function<std::optional<std::int64_t>()> kept;
  std::function<void()> wake_workers;    ///< there is something dirty
  std::function<void()> wake_backfills;  ///< there is a run to do
  std::function<void()> token_issued;    ///< a webhook token is in the database
  /// How long every process may take to know a new webhook token.
  std::chrono::milliseconds known_within = TokenWatch::kKnownWithin;
  /// How long a preview may wait for a lock; a statement of it may take five times as long.
  std::chrono::milliseconds preview_patience = std::chrono::seconds{2};

  /// A client for a person who waits: shorter patience than the workers have. A problem for a project that is not configured.
  tl::expected<std::unique_ptr<sync::mem0::Client>, Problem> Mem0For(const ProjectId& project) const;
};

/// What Mem0 refused, as the client is told: its words on single fields, 502 when it is away or the key is wrong.
tl::unexpected<Problem> RefuseFromMem0(const Error& error, const sync::mem0::Client& client);

/// A project of the path, or a 404.
tl::expected<const ProjectConfig*, Problem> ProjectOf(const Config& config, const std::string& name);

// The handlers of one tag of the document each.
void AddSessionCalls(Handlers& handlers, const Parts& parts);
void AddTargetCalls(Handlers& handlers, const Parts& parts);
void AddOverviewCalls(Handlers& handlers, const Parts& parts);
void AddWebhookCalls(Handlers& handlers, const Parts& parts);
void AddDeliveryCalls(Handlers& handlers, const Parts& parts);
void AddParkedCalls(Handlers& handlers, const Parts& parts);
void AddCandidateCalls(Handlers& handlers, const Parts& parts);
void AddKeptCalls(Handlers& handlers, const Parts& parts);
void AddMemoryCalls(Handlers& handlers, const Parts& parts);
void AddMappingCalls(Handlers& handlers, const Parts& parts);
void AddPreviewCalls(Handlers& handlers, const Parts& parts);
void AddBackfillCalls(Handlers& handlers, const Parts& parts);
void AddTokenCalls(Handlers& handlers, const Parts& parts);
void AddAuditCalls(Handlers& handlers, const Parts& parts);

/// All of them. `parts` outlives the handlers.
Handlers AllHandlers(const Parts& parts);

}  // namespace membridge::admin::api
