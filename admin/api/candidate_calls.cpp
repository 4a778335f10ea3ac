// Operations on memories whose key matches several rows: show the rows side by side, and choose one.
#include "admin/api/call_session.hpp"
#include "admin/api/context.hpp"
#include "admin/mapping_files/ambiguous_rows.hpp"
#include "admin/mapping_files/target_catalogs.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;

/// Calls `work` with the mappings in force and the current state of their tables.
template <class Work>
Answer WithAmbiguous(const Parts& parts, const Work& work) {
  const auto in_force = parts.mappings().checked;
  const auto catalogs = ReadCatalogs(parts.config, parts.databases, in_force->configured);
  if (!catalogs) return Refuse(catalogs.error());
  return work(AmbiguousRows{parts.config, parts.databases, in_force->configured, *catalogs,
                            [](const std::string& dsn) { return OpenCallSession(dsn, sync::postgres::SearchPath::kRoles); }});
}

AmbiguousRows::Asked AskedIn(const nlohmann::json& values) {
  return {ProjectId{values["project"].get<std::string>()}, MemoryId{values["memory"].get<std::string>()},
          Call::Given<std::string>(values, "mapping")};
}

Answer ListCandidates(Call& call, const Parts& parts) {
  return WithAmbiguous(parts, [&](const AmbiguousRows& ambiguous) -> Answer {
    const auto found = ambiguous.Find(call.state, AskedIn(call.query), call.now, parts.preview_patience);
    if (!found) return Refuse(found.error());
    return CandidatesJson(*found);
  });
}

Answer ChooseCandidate(Call& call, const Parts& parts) {
  return WithAmbiguous(parts, [&](const AmbiguousRows& ambiguous) -> Answer {
    const auto found = ambiguous.Find(call.state, AskedIn(call.body), call.now, parts.preview_patience);
    if (!found) return Refuse(found.error());
    const auto memories = ambiguous.Choose(call.state, *found, call.body["key"].get<std::string>());
    if (!memories) return Refuse(memories.error());
    call.object = found->ambiguity.source.id;
    call.detail = AuditedOf(*found, *memories);
    parts.wake_workers();
    return ordered_json{{"memory", found->ambiguity.source.id},
                        {"mapping", found->ambiguity.mapping},
                        {"table", found->ambiguity.rows.front().candidate.relation},
                        {"memories", *memories}};
  });
}

}  // namespace

void AddCandidateCalls(Handlers& handlers, const Parts& parts) {
  handlers["listCandidates"] = [&parts](Call& call) { return ListCandidates(call, parts); };
  handlers["chooseCandidate"] = [&parts](Call& call) { return ChooseCandidate(call, parts); };
}

}  // namespace membridge::admin::api
