#include "admin/shown/backfill_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

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

/// Returns the counts that are not zero, as `3 added, 1 parked`.
std::string CountsText(const Run& run, std::initializer_list<std::pair<const char*, const char*>> words) {
  std::string text;
  for (const auto& [name, word] : words) {
    const std::int64_t count = run.Counter(name);
    if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, word);
  }
  return text;
}

std::string SweepText(const Run& run) {
  const std::string repaired =
      CountsText(run, {{"repaired_added", "added"}, {"repaired_updated", "updated"}, {"repaired_deleted", "deleted"}});
  std::string text = repaired.empty() ? "" : "repaired: " + repaired;
  const std::string others = CountsText(run, {{"loaded", "loaded, which the bridge did not know"},
                                              {"left_to_workers", "left to the workers"},
                                              {"already_marked", "to be read anyway"},
                                              {"parked", "parked"},
                                              {"unreadable", "unreadable"},
                                              {"withdrawals_refused", "kept back from withdrawal"}});
  if (!others.empty()) text += (text.empty() ? "" : "; ") + others;
  if (run.Counter("walks") > 1)
    text += fmt::format("{}the list was read {} times", text.empty() ? "" : "; ", run.Counter("walks"));
  return text.empty() ? "nothing to repair" : text;
}

std::string ExportText(const Run& run) {
  const std::string text =
      CountsText(run, {{"applied", "applied"}, {"unchanged", "unchanged"}, {"parked", "parked"}, {"failed", "failed"}});
  return text.empty() ? "nobody to ask about" : text;
}

/// Returns what a run did, in words: what it did so far, while it goes on.
std::string DidText(const Run& run) {
  if (!run.error.empty()) return run.error;
  if (run.state == RunState::kQueued) return "";
  if (run.options.dry_run) return run.state == RunState::kDone ? WouldText(run) : "";
  const std::string did = run.kind == BackfillKind::kExport ? ExportText(run) : SweepText(run);
  return run.Active() && did == "nothing to repair" ? "" : did;
}

std::string StateText(const Run& run) {
  return run.wanted.empty() ? std::string{NameOf(run.state)} : fmt::format("{}, asked to {}", NameOf(run.state), run.wanted);
}

/// Returns the kind as people say it: `full sweep`.
std::string KindText(BackfillKind kind) {
  std::string text{NameOf(kind)};
  std::replace(text.begin(), text.end(), '_', ' ');
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
  const std::string did = DidText(run);
  return fmt::format("run {} of {}: {}, {}{}", run.id, run.name, StateText(run), TextOf(LookAt(run)),
                     did.empty() ? "" : "; " + did);
}

TextTable TableOf(const std::vector<Run>& runs, Instant now) {
  TextTable table{{"RUN", "NAME", "KIND", "STATE", "SEEN", "FINISHED", "WHAT IT DID"}};
  for (const Run& run : runs)
    table.Add({std::to_string(run.id), run.name, KindText(run.kind), StateText(run),
               run.state == RunState::kQueued ? "-" : TextOf(LookAt(run)), run.finished_at ? WithAge(*run.finished_at, now) : "-",
               DidText(run)});
  return table;
}

TextTable TableOf(const std::vector<sync::Standing>& standings, Instant now) {
  TextTable table{{"NAME", "PROJECT", "KIND", "SCHEDULE", "TIMEZONE", "NEXT", "LAST"}};
  for (const sync::Standing& standing : standings) {
    const sync::Backfill& backfill = standing.backfill;
    std::string next = "-";
    if (standing.paused_at)
      next = "paused since " + WithAge(*standing.paused_at, now);
    else if (standing.active)
      next =
          fmt::format("run {} is {}, {}", standing.active->id, NameOf(standing.active->state), TextOf(LookAt(*standing.active)));
    else if (standing.next)
      next = WithAge(*standing.next, now);
    std::string last = "has not run";
    if (standing.last)
      last = std::string{NameOf(standing.last->state)} +
             (standing.last->finished_at ? " " + AgeOf(*standing.last->finished_at, now) : std::string{});
    table.Add({backfill.name, backfill.project.Text(), KindText(backfill.kind), backfill.schedule, backfill.timezone,
               std::move(next), std::move(last)});
  }
  return table;
}

}  // namespace membridge::admin
