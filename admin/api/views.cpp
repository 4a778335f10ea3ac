#include "admin/api/views.hpp"

#include <cmath>

#include "admin/api/call.hpp"

namespace membridge::admin::api {

using nlohmann::ordered_json;

ordered_json RepairedIn(const nlohmann::json& counters) {
  const auto count = [&](const char* name) { return counters.value(name, std::int64_t{0}); };
  return {{"added", count("repaired_added")}, {"updated", count("repaired_updated")}, {"deleted", count("repaired_deleted")}};
}

ordered_json ViewOf(const sync::Run& run) {
  const sync::Progress progress = run.HowFar();
  ordered_json counters = ordered_json::object();
  for (const auto& [name, value] : run.counters.items()) {
    if (value.is_number_integer()) counters[name] = value.get<std::int64_t>();
  }
  ordered_json view{{"id", run.id},
                    {"name", run.name},
                    {"project", run.project.Text()},
                    {"kind", NameOf(run.kind)},
                    {"state", NameOf(run.state)},
                    {"wanted", TextOrNull(run.wanted)},
                    {"dry_run", run.options.dry_run},
                    {"scheduled_for", TimeOrNull(run.scheduled_for)},
                    {"queued_at", FormatRfc3339(run.queued_at)},
                    {"started_at", TimeOrNull(run.started_at)},
                    {"finished_at", TimeOrNull(run.finished_at)},
                    {"done", run.done}};
  view["total"] = run.total ? ordered_json(*run.total) : ordered_json(nullptr);
  const auto share = progress.Share();
  view["share"] = share ? ordered_json(*share) : ordered_json(nullptr);
  view["per_second"] = std::isfinite(progress.per_second) ? progress.per_second : 0.0;
  view["seconds_left"] = progress.left ? ordered_json(progress.left->count()) : ordered_json(nullptr);
  view["counters"] = std::move(counters);
  view["repaired"] = RepairedIn(run.counters);
  view["error"] = TextOrNull(run.error);
  return view;
}

}  // namespace membridge::admin::api
