#include "admin/shown/backfill_text.hpp"

#include <fmt/format.h>

namespace membridge::admin {
namespace {

using nlohmann::ordered_json;
using sync::BackfillKind;
using sync::Run;
using sync::RunState;

ordered_json Time(const std::optional<Instant>& at) {
  return at ? ordered_json(FormatRfc3339(*at)) : ordered_json(nullptr);
}

ordered_json TextOrNull(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

const char* UnitOf(const Run& run) {
  return run.kind == BackfillKind::kExport ? "users" : "memories";
}

/// Returns what a dry run would have done.
std::string WouldText(const Run& run) {
  if (run.kind == BackfillKind::kExport) {
    return fmt::format("dry run: {} of {} users would be asked about", run.Counter("users") - run.Counter("unchanged"),
                       run.Counter("users"));
  }
  std::string text = fmt::format("dry run: {} of {} memories would be applied", run.Counter("changed"), run.Counter("seen"));
  if (run.kind == BackfillKind::kFullSweep) text += fmt::format(", {} are missing and would be read", run.Counter("missing"));
  return text;
}

std::string CountersText(const Run& run) {
  std::string text;
  for (const auto& [name, value] : run.counters.items()) {
    if (value.is_number_integer() && value != 0) text += fmt::format(" {}={}", name, value.dump());
  }
  return text;
}

}  // namespace

ordered_json AsJson(const Run& run) {
  const sync::Progress progress = run.HowFar();
  ordered_json json = ordered_json::object();
  json["id"] = run.id;
  json["name"] = run.name;
  json["project"] = run.project.Text();
  json["kind"] = NameOf(run.kind);
  json["state"] = NameOf(run.state);
  json["wanted"] = TextOrNull(run.wanted);
  json["dry_run"] = run.options.dry_run;
  json["scheduled_for"] = Time(run.scheduled_for);
  json["queued_at"] = FormatRfc3339(run.queued_at);
  json["started_at"] = Time(run.started_at);
  json["finished_at"] = Time(run.finished_at);
  json["done"] = progress.done;
  json["total"] = progress.total ? ordered_json(*progress.total) : ordered_json(nullptr);
  json["share"] = progress.Share() ? ordered_json(*progress.Share()) : ordered_json(nullptr);
  json["per_second"] = progress.per_second;
  json["seconds_left"] = nullptr;
  if (progress.left && run.state == RunState::kRunning) json["seconds_left"] = progress.left->count();
  json["counters"] = run.counters;
  json["repaired"] = ordered_json::object();
  for (const char* change : {"added", "updated", "deleted"}) {
    json["repaired"][change] = run.Counter(std::string{"repaired_"}.append(change));
  }
  json["error"] = TextOrNull(run.error);
  return json;
}

ordered_json AsJson(const sync::Standing& standing) {
  const sync::Backfill& backfill = standing.backfill;
  ordered_json json = ordered_json::object();
  json["name"] = backfill.name;
  json["project"] = backfill.project.Text();
  json["kind"] = NameOf(backfill.kind);
  json["mapping"] = TextOrNull(backfill.options.mapping);
  json["schedule"] = backfill.schedule;
  json["timezone"] = backfill.timezone;
  json["paused_at"] = Time(standing.paused_at);
  json["next_at"] = Time(standing.next);
  json["active"] = standing.active ? AsJson(*standing.active) : ordered_json(nullptr);
  json["last"] = standing.last ? AsJson(*standing.last) : ordered_json(nullptr);
  return json;
}

ProgressLook LookAt(const Run& run) {
  const sync::Progress progress = run.HowFar();
  ProgressLook look;
  look.what = run.name;
  look.unit = UnitOf(run);
  look.done = progress.done;
  look.total = progress.total;
  look.per_second = progress.per_second;
  if (run.state == RunState::kRunning) look.left = progress.left;
  return look;
}

std::string LineOf(const Run& run) {
  std::string line = fmt::format("{:>6}  {:<20} {:<18} {:<10} ", run.id, run.name, NameOf(run.kind), NameOf(run.state));
  if (run.options.dry_run && run.state == RunState::kDone) {
    line += WouldText(run);
  } else {
    line += TextOf(LookAt(run)) + CountersText(run);
  }
  if (!run.wanted.empty()) line += fmt::format("  (asked to {})", run.wanted);
  return run.error.empty() ? line : line + "  " + run.error;
}

std::string LineOf(const sync::Standing& standing) {
  const sync::Backfill& backfill = standing.backfill;
  std::string line = fmt::format("{:<20} {:<12} {:<18} {:<16} {:<16} ", backfill.name, backfill.project.Text(),
                                 NameOf(backfill.kind), backfill.schedule, backfill.timezone);
  if (standing.paused_at) {
    line += "paused since " + FormatRfc3339(*standing.paused_at);
  } else if (standing.next) {
    line += "next " + FormatRfc3339(*standing.next);
  }
  if (standing.active) {
    line +=
        fmt::format("; run {} is {}, {}", standing.active->id, NameOf(standing.active->state), TextOf(LookAt(*standing.active)));
  }
  if (standing.last) {
    line += fmt::format("; last run {} {}", NameOf(standing.last->state),
                        standing.last->finished_at ? FormatRfc3339(*standing.last->finished_at) : "");
  }
  return line;
}

}  // namespace membridge::admin
