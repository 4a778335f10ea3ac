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

/// What handlers need. Everything in it outlives them; its functions may be called from any thread.
struct Parts {
  const Config& config;
  const Databases& databases;
  const Mem0Clients& mem0;
  std::function<MappingsInForce()> mappings;
  const Recent& recent;
  std::function<bool()> ready;                   ///< whether /readyz says ready
  std::function<std::vector<Reason>()> reasons;  ///< why the bridge is degraded, as in /readyz
  /// Returns in words why deliveries of a project may not have reached this bridge until now; empty when this process knows no
  /// reason.
  std::function<std::string(const ProjectId&)> unheard;
  std::function<std::optional<std::chrono::microseconds>()> lag;  ///< of the memory this process applied last
  std::function<sync::LagCounts()> lags;                          ///< of all that this process applied because of deliveries
  /// Returns the number of undecided cells where a memory and a person disagree; nothing when it is not known now.
  std::function<std::optional<std::int64_t>()> kept;
  std::function<void()> wake_workers;    ///< call it when memories are dirty
  std::function<void()> wake_backfills;  ///< call it when a run was queued
  std::function<void()> token_issued;    ///< call it when a new webhook token is in the database
  /// How long until every process knows a new webhook token.
  std::chrono::milliseconds known_within = TokenWatch::kKnownWithin;
  /// How long a preview may wait for a lock. Each of its statements may take five times as long.
  std::chrono::milliseconds preview_patience = std::chrono::seconds{2};

  /// Makes a client for a person who waits; its time-outs are shorter than the workers'. A problem: the project is not
  /// configured.
  /// A client of the project at the Platform; a Problem for a Mem0 of one's own.
  tl::expected<std::unique_ptr<sync::mem0::Client>, Problem> Mem0For(const ProjectId& project) const;
};

/// Converts Mem0's refusal for the client, with Mem0's messages about single fields; 502 when Mem0 is away or the key is wrong.
tl::unexpected<Problem> RefuseFromMem0(const Error& error, const sync::mem0::Failure& failure);
inline tl::unexpected<Problem> RefuseFromMem0(const Error& error, const sync::mem0::Client& client) {
  return RefuseFromMem0(error, client.LastFailure());
}

/// Returns the number as JSON, or null.
nlohmann::ordered_json OrNull(const std::optional<double>& value);

/// Returns the project that the path names, or a 404.
tl::expected<const ProjectConfig*, Problem> ProjectOf(const Config& config, const std::string& name);

// Each function adds the handlers of one tag of the document.
void AddSessionCalls(Handlers& handlers, const Parts& parts);
void AddTargetCalls(Handlers& handlers, const Parts& parts);
void AddSourceCalls(Handlers& handlers, const Parts& parts);
void AddOverviewCalls(Handlers& handlers, const Parts& parts);
void AddRecentCall(Handlers& handlers, const Parts& parts);  ///< of the overview's tag, and added with it
void AddWebhookCalls(Handlers& handlers, const Parts& parts);
/// After AddWebhookCalls(), whose handlers it uses.
void AddMem0Calls(Handlers& handlers, const Parts& parts);
void AddDeliveryCalls(Handlers& handlers, const Parts& parts);
void AddParkedCalls(Handlers& handlers, const Parts& parts);
void AddCandidateCalls(Handlers& handlers, const Parts& parts);
void AddFeedCalls(Handlers& handlers, const Parts& parts);
void AddKeptCalls(Handlers& handlers, const Parts& parts);
void AddMemoryCalls(Handlers& handlers, const Parts& parts);
void AddMappingCalls(Handlers& handlers, const Parts& parts);
void AddPreviewCalls(Handlers& handlers, const Parts& parts);
void AddBackfillCalls(Handlers& handlers, const Parts& parts);
void AddTokenCalls(Handlers& handlers, const Parts& parts);
void AddAuditCalls(Handlers& handlers, const Parts& parts);

/// Returns all handlers. `parts` outlives them.
Handlers AllHandlers(const Parts& parts);

}  // namespace membridge::admin::api
