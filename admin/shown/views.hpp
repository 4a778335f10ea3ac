#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "admin/access/admin_tokens.hpp"
#include "admin/access/audit.hpp"
#include "mappings/base/time.hpp"
#include "sync/inbox/delivery_log.hpp"
#include "sync/queue/blocked.hpp"
#include "sync/queue/parked.hpp"

namespace membridge::admin {

// The JSON of commands with --json and of the admin API, with the same names and shapes in both.

nlohmann::ordered_json ViewOf(const sync::DeliverySummary& delivery);
/// Everything but the body.
nlohmann::ordered_json ViewOf(const sync::ShownDelivery& delivery);
nlohmann::ordered_json ViewOf(const sync::ParkedGroup& group);
/// The cause may quote row values.
nlohmann::ordered_json ViewOf(const sync::ParkedMemory& parked);
nlohmann::ordered_json ViewOf(const sync::BlockedMemory& blocked);

nlohmann::ordered_json ViewOf(const AuditRecord& record);
nlohmann::ordered_json ViewOf(const StoredAdminToken& token);

/// Returns a page as `{name: […], "next": cursor or null}`.
template <class Items>
nlohmann::ordered_json PageOf(const char* name, const Items& items, const std::optional<std::string>& next) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& item : items) list.push_back(ViewOf(item));
  nlohmann::ordered_json page{{name, std::move(list)}, {"next", nullptr}};
  if (next) page["next"] = *next;
  return page;
}

}  // namespace membridge::admin
