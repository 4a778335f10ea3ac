// Operations on parked memories, which cannot be applied now.
#include "admin/api/context.hpp"
#include "admin/api/counted_actions.hpp"
#include "admin/shown/views.hpp"
#include "sync/queue/blocked.hpp"
#include "sync/queue/parked.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;
using sync::ParkedStore;
using sync::postgres::Transaction;

sync::ParkedFilter ParkedFilterFrom(const nlohmann::json& values) {
  return {.group = Call::Given<std::string>(values, "group"),
          .project = Call::Given<ProjectId>(values, "project"),
          .memory = Call::Given<MemoryId>(values, "memory"),
          .mapping = Call::Given<std::string>(values, "mapping"),
          .code = Call::Given<std::string>(values, "code")};
}

Answer ListGroups(Call& call) {
  Transaction transaction = call.Begin();
  ordered_json groups = ordered_json::array();
  for (const sync::ParkedGroup& group : ParkedStore{transaction}.List(ParkedFilterFrom(call.query)))
    groups.push_back(ViewOf(group));
  return ordered_json{{"groups", std::move(groups)}};
}

Answer ListParked(Call& call) {
  Transaction transaction = call.Begin();
  const auto page =
      ParkedStore{transaction}.Show(ParkedFilterFrom(call.query), call.query["limit"].get<std::size_t>(), call.Query("cursor"));
  if (!page) return Refuse(400, "bad_cursor", page.error().message, page.error().hint);
  return PageOf("memories", page->memories, page->next);
}

/// Lists memories that wait for another session's lock. They are not parked and are tried again within seconds.
Answer ListBlocked(Call& call) {
  Transaction transaction = call.Begin();
  ordered_json memories = ordered_json::array();
  for (const sync::BlockedMemory& one :
       sync::ListBlocked(transaction, Call::Given<ProjectId>(call.query, "project"), Call::Given<MemoryId>(call.query, "memory"),
                         call.query["limit"].get<std::size_t>()))
    memories.push_back(ViewOf(one));
  const sync::BlockedSum sum = sync::SumBlocked(transaction);
  return ordered_json{{"blocked", sum.memories}, {"memories", std::move(memories)}};
}

/// The common part of retry and drop: they act on all memories only when asked to, and only after a count.
using ParkedAction = std::function<std::size_t(Call&, const sync::ParkedFilter&)>;

Answer CountThenAct(Call& call, const ParkedAction& act) {
  const nlohmann::json& filter_body = call.body["filter"];
  call.detail["filter"] = filter_body;
  call.object = filter_body.value("group", "");
  if (filter_body.empty() && !call.body.value("all", false))
    return RefuseField("filter", "names nothing; say all: true to mean every parked memory");
  const auto intent = IntentOf(call.body);
  if (!intent) return tl::unexpected<Problem>(intent.error());
  const sync::ParkedFilter filter = ParkedFilterFrom(filter_body);
  std::size_t count = 0;
  {
    Transaction transaction = call.Begin();
    count = ParkedStore{transaction}.Count(filter);
  }
  if (*intent == Intent::kCount) {
    call.nothing_changed = true;
    return ordered_json{{"memories", count}, {"done", false}};
  }
  if (auto outgrown = Outgrown(call.body, count)) return tl::unexpected<Problem>(std::move(*outgrown));
  const std::size_t done = act(call, filter);
  call.detail["memories"] = done;
  return ordered_json{{"memories", done}, {"done", true}};
}

std::size_t Drop(Call& call, const sync::ParkedFilter& filter) {
  Transaction transaction = call.Begin();
  const std::size_t dropped = ParkedStore{transaction}.Drop(filter);
  transaction.Commit();
  return dropped;
}

}  // namespace

void AddParkedCalls(Handlers& handlers, const Parts& parts) {
  handlers["listParkedGroups"] = ListGroups;
  handlers["listParked"] = ListParked;
  handlers["listBlocked"] = ListBlocked;
  handlers["retryParked"] = [&parts](Call& call) {
    return CountThenAct(call, [&parts](Call& retried, const sync::ParkedFilter& filter) {
      const std::size_t memories = RetryParked(retried.state, filter);
      parts.wake_workers();
      return memories;
    });
  };
  handlers["dropParked"] = [](Call& call) { return CountThenAct(call, Drop); };
}

}  // namespace membridge::admin::api
