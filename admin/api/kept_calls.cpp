// Operations on cells where a memory and a person disagree.
#include "admin/api/call_session.hpp"
#include "admin/api/context.hpp"
#include "admin/mapping_files/kept_cells.hpp"
#include "admin/mapping_files/target_catalogs.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;

/// Calls `work` with the targets of the mappings in force and the current state of their tables.
template <class Work>
Answer WithKept(const Parts& parts, const Work& work) {
  const auto in_force = parts.mappings().checked;
  const auto catalogs = ReadCatalogs(parts.config, parts.databases, in_force->configured);
  if (!catalogs) return Refuse(catalogs.error());
  return work(KeptTargets{parts.config, parts.databases, in_force->configured, *catalogs,
                          [](const std::string& dsn) { return OpenCallSession(dsn, sync::postgres::SearchPath::kRoles); }});
}

Answer ListKept(Call& call, const Parts& parts) {
  return WithKept(parts, [&](const KeptTargets& kept) -> Answer {
    const auto page = kept.List({call.Query("project"), call.Query("table"), call.Query("mapping"), call.Query("memory")},
                                call.Query("target"), call.query["limit"].get<std::size_t>(), call.Query("cursor"));
    if (!page && page.error().code == ErrorCode::kRefused)
      return Refuse(400, "bad_cursor", page.error().message, page.error().hint);
    if (!page) return Refuse(page.error());
    ordered_json cells = ordered_json::array();
    for (const auto& [target, cell] : page->cells) cells.push_back(sync::KeptJson(target, cell));
    return ordered_json{{"cells", std::move(cells)}, {"next", page->next ? ordered_json(*page->next) : ordered_json()}};
  });
}

Answer DecideKept(Call& call, const Parts& parts, sync::KeptChoice choice) {
  return WithKept(parts, [&](const KeptTargets& kept) -> Answer {
    const auto decided = kept.Decide(call.state, call.body["id"].get<std::string>(), choice);
    if (!decided) return Refuse(decided.error());
    call.object = ObjectOf(*decided);
    call.detail = AuditedOf(*decided);
    if (decided->decision.applied_again) parts.wake_workers();
    const sync::Disagreement& cell = decided->decision.disagreement;
    return ordered_json{{"id", cell.id},
                        {"target", decided->target},
                        {"table", cell.relation},
                        {"cell", cell.cell},
                        {"applied_again", decided->decision.applied_again}};
  });
}

}  // namespace

void AddKeptCalls(Handlers& handlers, const Parts& parts) {
  handlers["listKept"] = [&parts](Call& call) { return ListKept(call, parts); };
  handlers["takeKept"] = [&parts](Call& call) { return DecideKept(call, parts, sync::KeptChoice::kTake); };
  handlers["dismissKept"] = [&parts](Call& call) { return DecideKept(call, parts, sync::KeptChoice::kDismiss); };
}

}  // namespace membridge::admin::api
