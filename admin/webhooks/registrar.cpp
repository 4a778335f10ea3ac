#include "admin/webhooks/registrar.hpp"

#include <algorithm>
#include <utility>

#include "admin/runtime/token_watch.hpp"
#include "mappings/base/log.hpp"
#include "mappings/base/pause.hpp"
#include "sync/postgres/session.hpp"
#include "sync/schedule/catch_up.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kAgainAfterFailure = 5s;
constexpr std::chrono::milliseconds kNothingToKeep = 1h;

}  // namespace

DesiredWebhook DesiredOf(const ProjectConfig& project) {
  return {project.id, project.webhook.name, project.webhook.public_url, project.webhook.events};
}

ApplyOptions ApplyOptionsOf(const ProjectConfig& project) {
  ApplyOptions options;
  options.known_within = TokenWatch::kKnownWithin;
  options.overlap = project.webhook.overlap;
  return options;
}

Registrar::Registrar(const Config& config, std::string state_dsn, const Mem0Clients& mem0, Metrics& metrics,
                     std::function<void()> issued)
    : config_(config),
      state_dsn_(std::move(state_dsn)),
      mem0_(mem0),
      metrics_(metrics),
      issued_(std::move(issued)),
      thread_("webhooks", [this](const std::stop_token& stop) { return KeepAll(stop); }) {}

std::chrono::milliseconds Registrar::KeepAll(const std::stop_token& stop) {
  using std::chrono::steady_clock;
  std::chrono::milliseconds next = kNothingToKeep;
  for (const auto& project : config_.projects) {
    if (project.webhook.public_url.empty() || stop.stop_requested()) continue;
    auto& due = due_[project.id];
    if (steady_clock::now() >= due) {
      const bool kept = project.webhook.manage ? Keep(project, stop) : Look(project);
      due =
          steady_clock::now() + (kept ? project.webhook.check_every : std::min(kAgainAfterFailure, project.webhook.check_every));
    }
    next = std::min(next, std::chrono::ceil<std::chrono::milliseconds>(due - steady_clock::now()));
  }
  return std::max(next, 0ms);
}

bool Registrar::Keep(const ProjectConfig& project, const std::stop_token& stop) {
  const auto client = mem0_.For(project.id, Mem0Clients::Urgency::kLive);
  sync::postgres::Session session{state_dsn_, "membridge webhooks"};
  ApplyOptions options = ApplyOptionsOf(project);
  options.issued = issued_;
  options.wait = [&stop](std::chrono::milliseconds time) { return Pause(stop, time); };
  const auto plan = ApplyWebhooks(*client, session, DesiredOf(project), options);
  metrics_.Count("membridge_webhook_checks_total", "Times the registration at Mem0 was looked at",
                 {{"project", project.id.Text()}, {"outcome", plan ? "ok" : std::string{NameOf(plan.error().code)}}});
  if (!plan) {
    const bool told = std::exchange(last_said_[project.id], plan.error().message) == plan.error().message;
    if (!told && !stop.stop_requested()) {
      Log(LogLevel::kWarn, "webhook_not_kept",
          {{"project", project.id.Text()}, {"error", plan.error().message}, {"hint", plan.error().hint}});
    }
    return false;
  }
  std::vector<std::string> news;
  for (const WebhookStep& step : plan->steps) {
    if (step.kind != WebhookStep::Kind::kKeep) news.push_back(Describe(step));
  }
  LogNews(project.id, news, plan->Changes());
  Note(session, project.id, StandingOf(*plan, true));
  return true;
}

/// Checks a webhook that `webhooks apply` registered. It must still lead here, although the bridge does not manage it.
bool Registrar::Look(const ProjectConfig& project) {
  sync::postgres::Session session{state_dsn_, "membridge webhooks"};
  if (ReadWebhookBooks(session, project.id).webhooks.empty()) {
    const std::lock_guard lock{mutex_};
    standings_.erase(project.id);
    return true;
  }
  const auto client = mem0_.For(project.id, Mem0Clients::Urgency::kLive);
  const auto survey = SurveyWebhooks(*client, session, DesiredOf(project));
  if (!survey) return false;
  Note(session, project.id, StandingOf(survey->plan, false));
  return true;
}

std::map<ProjectId, WebhookStanding> Registrar::Standings() const {
  const std::lock_guard lock{mutex_};
  return standings_;
}

std::vector<Reason> Registrar::Troubles() const {
  std::vector<Reason> troubles;
  for (const auto& [project, standing] : Standings()) {
    if (standing.trouble == WebhookTrouble::kNone) continue;
    Reason& trouble = troubles.emplace_back();
    trouble.kind = standing.trouble == WebhookTrouble::kOff ? Degraded::kWebhookOff : Degraded::kWebhookElsewhere;
    trouble.subject.project = project.Text();
    trouble.message = standing.message;
  }
  return troubles;
}

std::string Registrar::Unheard(const ProjectId& project) const {
  const auto standings = Standings();
  const auto standing = standings.find(project);
  if (standing != standings.end()) return standing->second.message;
  const ProjectConfig* configured = config_.FindProject(project);
  const bool kept = configured != nullptr && configured->webhook.manage && !configured->webhook.public_url.empty();
  return kept ? "the webhook at Mem0 was not found or made yet" : "";
}

void Registrar::Note(sync::postgres::Session& session, const ProjectId& project, const WebhookStanding& standing) {
  const auto before = Standings();
  const auto was = before.find(project);
  if (was != before.end() && was->second.trouble != WebhookTrouble::kNone && standing.trouble == WebhookTrouble::kNone) {
    sync::postgres::Transaction transaction = session.Begin();
    sync::CatchUp{transaction}.Want(project, "the webhook was off or led elsewhere");
    transaction.Commit();
  }
  const std::lock_guard lock{mutex_};
  WebhookStanding& known = standings_[project];
  if (known.message != standing.message) {
    if (standing.trouble != WebhookTrouble::kNone) {
      Log(LogLevel::kError, standing.trouble == WebhookTrouble::kOff ? "webhook_off" : "webhook_elsewhere",
          {{"project", project.Text()}, {"message", standing.message}});
    } else {
      Log(LogLevel::kInfo, "webhook_right_again", {{"project", project.Text()}});
    }
  }
  known = standing;
}

void Registrar::LogNews(const ProjectId& project, const std::vector<std::string>& news, bool changed) {
  const std::string said = nlohmann::json(news).dump();
  if (std::exchange(last_said_[project], said) == said && !changed) return;
  if (!news.empty())
    Log(changed ? LogLevel::kInfo : LogLevel::kWarn, changed ? "webhook_kept" : "webhook_noticed",
        {{"project", project.Text()}, {"steps", news}});
}

}  // namespace membridge::admin
