#include "admin/serve/canary_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mappings/base/log.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;
using sync::CanaryView;

constexpr std::chrono::milliseconds kNothingToWatch = 1h;

}  // namespace

CanaryWatch::CanaryWatch(const Config& config, std::string state_dsn, const Mem0Clients& mem0, Metrics& metrics, Reasons& reasons)
    : config_(config), state_dsn_(std::move(state_dsn)), mem0_(mem0), metrics_(metrics), reasons_(reasons) {
  const auto each = [this](auto value) {
    return [this, value] {
      const std::lock_guard lock{mutex_};
      std::vector<MetricSample> samples;
      for (const auto& [project, view] : views_) samples.push_back({{{"project", project.Text()}}, value(view)});
      return samples;
    };
  };
  metrics.Watch(Metrics::Kind::kGauge, "membridge_canary_misses", "Canaries in a row whose delivery did not come in time",
                each([](const CanaryView& view) { return static_cast<double>(view.misses); }));
  metrics.Watch(Metrics::Kind::kGauge, "membridge_canary_heard_seconds",
                "From writing a canary at Mem0 to its delivery, of the last one heard",
                each([](const CanaryView& view) { return std::chrono::duration<double>(view.heard_after).count(); }));
  thread_.emplace("canary", [this](const std::stop_token& stop) { return StepAll(stop); });
}

std::chrono::milliseconds CanaryWatch::StepAll(const std::stop_token& stop) {
  std::chrono::milliseconds next = kNothingToWatch;
  for (const auto& project : config_.projects) {
    if (!project.canary || stop.stop_requested()) continue;
    sync::postgres::Session session{state_dsn_, "membridge canary"};
    const auto client = mem0_.For(project.id, Mem0Clients::Urgency::kBackground);
    std::optional<Error> error;
    const CanaryView view = sync::Canary{project.id, *project.canary}.Step(session, *client, error);
    Tell(project.id, view, error);
    next = std::min(next, view.next);
  }
  return next;
}

void CanaryWatch::Tell(const ProjectId& project, const CanaryView& view, const std::optional<Error>& error) {
  int misses_before = 0;
  {
    const std::lock_guard lock{mutex_};
    misses_before = std::exchange(views_[project], view).misses;
  }
  reasons_.Set(Degraded::kCanaryLost, {.project = project.Text()}, view.misses > 0);
  if (!view.news) return;
  metrics_.Count("membridge_canaries_total", "Canaries, by project and outcome",
                 {{"project", project.Text()}, {"outcome", std::string{NameOf(view.last)}}});
  if (view.misses == 1) {
    Log(LogLevel::kError, view.last == CanaryView::Outcome::kLost ? "canary_lost" : "canary_failed",
        {{"project", project.Text()},
         {"error", error ? error->message : "a memory was written at Mem0 and its delivery did not come in time"},
         {"hint", "run membridge webhooks plan; look whether Mem0 reaches webhook.public_url"}});
  } else if (view.misses == 0 && misses_before > 0) {
    Log(LogLevel::kInfo, "canary_heard_again", {{"project", project.Text()}, {"after_misses", misses_before}});
  }
}

std::optional<nlohmann::json> CanaryWatch::Note() const {
  const std::lock_guard lock{mutex_};
  if (views_.empty()) return std::nullopt;
  std::string silent;
  for (const auto& [project, view] : views_) {
    if (view.misses > 0) silent += (silent.empty() ? "" : ", ") + project.Text();
  }
  nlohmann::json note{{"ok", silent.empty()}};
  if (!silent.empty()) note["message"] = fmt::format("no delivery came of what was written at Mem0: {}", silent);
  return note;
}

}  // namespace membridge::admin
