#include "admin/shown/views.hpp"

#include <vector>

namespace membridge::admin {
namespace {

using nlohmann::ordered_json;

ordered_json IdsOf(const std::vector<MemoryId>& memories) {
  ordered_json ids = ordered_json::array();
  for (const MemoryId& memory : memories) ids.push_back(memory.Text());
  return ids;
}

ordered_json OrNull(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

ordered_json OrNull(const std::optional<Instant>& time) {
  return time ? ordered_json(FormatRfc3339(*time)) : ordered_json(nullptr);
}

}  // namespace

ordered_json ViewOf(const sync::DeliverySummary& delivery) {
  return {{"id", delivery.id.Text()},
          {"project", delivery.project.Text()},
          {"received_at", FormatRfc3339(delivery.received_at)},
          {"verdict", delivery.verdict},
          {"source", delivery.source_address},
          {"token", OrNull(delivery.token_id)},
          {"memories", IdsOf(delivery.memories)},
          {"body_bytes", delivery.body_bytes},
          {"outcome", delivery.outcome},
          {"read_at", OrNull(delivery.read_at)}};
}

ordered_json ViewOf(const sync::ShownDelivery& delivery) {
  ordered_json view = ViewOf(static_cast<const sync::DeliverySummary&>(delivery));
  view["headers"] = delivery.headers;
  return view;
}

ordered_json ViewOf(const sync::BlockedMemory& blocked) {
  return {{"project", blocked.project.Text()},
          {"memory", blocked.memory.Text()},
          {"blocked_since", FormatRfc3339(blocked.since)},
          {"due_at", FormatRfc3339(blocked.due_at)},
          {"attempts", blocked.attempts},
          {"cause", blocked.cause}};
}

ordered_json ViewOf(const sync::ParkedGroup& group) {
  return {{"group", group.group},
          {"project", group.project.Text()},
          {"mapping", group.mapping},
          {"code", group.code},
          {"sqlstate", group.sqlstate},
          {"place", group.place},
          {"cause", group.cause},
          {"hint", group.hint},
          {"memories", group.memories},
          {"example", group.example.Text()},
          {"first_parked_at", FormatRfc3339(group.first_parked_at)},
          {"last_tried_at", FormatRfc3339(group.last_tried_at)}};
}

ordered_json ViewOf(const sync::ParkedMemory& parked) {
  return {{"group", parked.group},
          {"project", parked.project.Text()},
          {"memory", parked.memory.Text()},
          {"mapping", parked.parking.mapping},
          {"code", parked.code},
          {"sqlstate", parked.parking.sqlstate},
          {"place", parked.parking.place},
          {"cause", parked.parking.cause},
          {"hint", parked.parking.hint},
          {"attempts", parked.attempts},
          {"parked_at", FormatRfc3339(parked.parked_at)},
          {"tried_at", FormatRfc3339(parked.tried_at)}};
}

ordered_json ViewOf(const AuditRecord& record) {
  const AuditEntry& entry = record.entry;
  return {{"number", record.number},
          {"at", FormatRfc3339(record.at)},
          {"actor", entry.actor},
          {"role", entry.role},
          {"source", entry.source},
          {"action", entry.action},
          {"object", entry.object},
          {"outcome", NameOf(entry.outcome)},
          // It is not an object only if someone changed the table and bypassed its trigger.
          {"detail", entry.detail.is_object() ? ordered_json(entry.detail) : ordered_json::object()},
          {"previous", record.previous},
          {"hash", record.hash},
          {"key_id", record.key_id.empty() ? ordered_json(nullptr) : ordered_json(record.key_id)}};
}

ordered_json ViewOf(const StoredAdminToken& token) {
  return {{"id", token.id},
          {"name", token.name},
          {"role", NameOf(token.role)},
          {"kept_in", "database"},
          {"created_at", FormatRfc3339(token.created_at)},
          {"created_by", token.created_by},
          {"expires_at", OrNull(token.expires_at)},
          {"last_used", OrNull(token.last_used)},
          {"revoked_at", OrNull(token.revoked_at)}};
}

}  // namespace membridge::admin
