// Operations on deliveries: show them, and read their memories again.
#include "admin/api/context.hpp"
#include "admin/api/counted_actions.hpp"
#include "admin/shown/views.hpp"
#include "mappings/base/encoding.hpp"
#include "mappings/base/utf8.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;
using sync::DeliveriesStore;
using sync::postgres::Transaction;

tl::expected<sync::DeliveryFilter, Problem> DeliveryFilterFrom(const nlohmann::json& values, Instant now) {
  sync::DeliveryFilter filter;
  filter.id = Call::Given<DeliveryId>(values, "id");
  filter.project = Call::Given<ProjectId>(values, "project");
  filter.memory = Call::Given<MemoryId>(values, "memory");
  filter.verdict = Call::Given<std::string>(values, "verdict");
  filter.outcome = Call::Given<std::string>(values, "outcome");
  const auto since = TimeIn(values, "since", now);
  const auto until = TimeIn(values, "until", now);
  if (!since) return tl::unexpected<Problem>(since.error());
  if (!until) return tl::unexpected<Problem>(until.error());
  filter.since = *since;
  filter.until = *until;
  return filter;
}

Answer ListDeliveries(Call& call) {
  const auto filter = DeliveryFilterFrom(call.query, call.now);
  if (!filter) return tl::unexpected<Problem>(filter.error());
  Transaction transaction = call.Begin();
  const auto page = DeliveriesStore{transaction}.List(*filter, call.query["limit"].get<std::size_t>(), call.Query("cursor"));
  if (!page) return Refuse(400, "bad_cursor", page.error().message, page.error().hint);
  return PageOf("deliveries", page->deliveries, page->next);
}

tl::expected<sync::ShownDelivery, Problem> Find(Call& call) {
  Transaction transaction = call.Begin();
  auto delivery = DeliveriesStore{transaction}.Show(DeliveryId{call.Path("delivery")});
  if (!delivery) return Refuse(404, "not_found", "there is no such delivery", "it may have been dropped by retention");
  return std::move(*delivery);
}

Answer ReadDelivery(Call& call) {
  const auto delivery = Find(call);
  if (!delivery) return tl::unexpected<Problem>(delivery.error());
  ordered_json view = ViewOf(*delivery);
  ordered_json headers = ordered_json::array();
  for (const auto& [name, value] : delivery->headers.items()) headers.push_back({{"name", name}, {"value", value}});
  view["headers"] = std::move(headers);
  return view;
}

Answer ReadBody(Call& call) {
  const auto delivery = Find(call);
  if (!delivery) return tl::unexpected<Problem>(delivery.error());
  const bool is_text = mappings::FirstBadByte(delivery->body) == std::string_view::npos;
  return ordered_json{{"id", delivery->id.Text()},
                      {"encoding", is_text ? "utf-8" : "base64"},
                      {"body", is_text ? delivery->body : EncodeBase64(delivery->body)}};
}

Answer ActOnDeliveries(Call& call, const sync::DeliveryFilter& filter, const sync::DeliveryCount& count, const Parts& parts) {
  const std::size_t memories = ReplayDeliveries(call.state, filter);
  parts.wake_workers();
  call.detail.update({{"deliveries", count.deliveries}, {"memories", memories}});
  return ordered_json{{"deliveries", count.deliveries}, {"memories", memories}, {"done", true}};
}

sync::DeliveryCount CountOf(Call& call, const sync::DeliveryFilter& filter) {
  Transaction transaction = call.Begin();
  return DeliveriesStore{transaction}.Count(filter);
}

Answer ReplayOne(Call& call, const Parts& parts) {
  const sync::DeliveryFilter filter{.id = DeliveryId{call.Path("delivery")}};
  const auto count = CountOf(call, filter);
  if (count.deliveries == 0)
    return Refuse(404, "not_found", "there is no such delivery", "it may have been dropped by retention");
  return ActOnDeliveries(call, filter, count, parts);
}

Answer Replay(Call& call, const Parts& parts) {
  call.detail["filter"] = call.body["filter"];
  const auto filter = DeliveryFilterFrom(call.body["filter"], call.now);
  if (!filter) return tl::unexpected<Problem>(filter.error());
  const auto intent = IntentOf(call.body);
  if (!intent) return tl::unexpected<Problem>(intent.error());
  const auto count = CountOf(call, *filter);
  if (*intent == Intent::kCount) {
    call.nothing_changed = true;
    return ordered_json{{"deliveries", count.deliveries}, {"memories", count.memories}, {"done", false}};
  }
  if (auto outgrown = Outgrown(call.body, count.deliveries)) return tl::unexpected<Problem>(std::move(*outgrown));
  return ActOnDeliveries(call, *filter, count, parts);
}

}  // namespace

void AddDeliveryCalls(Handlers& handlers, const Parts& parts) {
  handlers["listDeliveries"] = ListDeliveries;
  handlers["readDelivery"] = ReadDelivery;
  handlers["readDeliveryBody"] = ReadBody;
  handlers["replayDelivery"] = [&parts](Call& call) { return ReplayOne(call, parts); };
  handlers["replayDeliveries"] = [&parts](Call& call) { return Replay(call, parts); };
}

}  // namespace membridge::admin::api
