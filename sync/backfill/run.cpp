#include "sync/backfill/run.hpp"

#include <algorithm>
#include <cmath>

namespace membridge::sync {

using nlohmann::json;

std::string_view NameOf(BackfillKind kind) {
  switch (kind) {
    case BackfillKind::kExport:
      return "export";
    case BackfillKind::kIncrementalSweep:
      return "incremental_sweep";
    case BackfillKind::kFullSweep:
      return "full_sweep";
  }
  return "";
}

std::string_view NameOf(RunState state) {
  switch (state) {
    case RunState::kQueued:
      return "queued";
    case RunState::kRunning:
      return "running";
    case RunState::kPaused:
      return "paused";
    case RunState::kCancelled:
      return "cancelled";
    case RunState::kDone:
      return "done";
    case RunState::kFailed:
      return "failed";
  }
  return "";
}

json RunOptions::AsJson() const {
  json object = json::object();
  if (dry_run) object["dry_run"] = true;
  if (full) object["full"] = true;
  if (profiles) object["profiles"] = true;
  if (allow_vanishing) object["allow_vanishing"] = true;
  if (!mapping.empty()) object["mapping"] = mapping;
  if (!instructions.empty()) object["instructions"] = instructions;
  if (deadline.count() > 0) object["deadline_seconds"] = deadline.count();
  if (since) object["since"] = FormatRfc3339(*since);
  return object;
}

RunOptions RunOptions::FromJson(const json& object) {
  RunOptions options;
  options.dry_run = object.value("dry_run", false);
  options.full = object.value("full", false);
  options.profiles = object.value("profiles", false);
  options.allow_vanishing = object.value("allow_vanishing", false);
  options.mapping = object.value("mapping", std::string{});
  options.instructions = object.value("instructions", std::string{});
  options.deadline = std::chrono::seconds{object.value("deadline_seconds", std::int64_t{0})};
  if (object.contains("since")) options.since = ParseRfc3339(object.at("since").get<std::string>());
  return options;
}

std::optional<double> Progress::Share() const {
  if (!total) return std::nullopt;
  if (*total == 0) return 1.0;
  return std::min(1.0, static_cast<double>(done) / static_cast<double>(*total));
}

Progress Run::HowFar() const {
  Progress progress{done, total, 0, std::nullopt};
  const double seconds = std::chrono::duration<double>(worked).count();
  if (seconds > 0) progress.per_second = static_cast<double>(done) / seconds;
  if (total && progress.per_second > 0) {
    const double rest = static_cast<double>(std::max<std::int64_t>(0, *total - done)) / progress.per_second;
    progress.left = std::chrono::seconds{std::llround(rest)};
  }
  return progress;
}

}  // namespace membridge::sync
