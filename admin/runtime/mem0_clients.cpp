#include "admin/runtime/mem0_clients.hpp"

#include <string>
#include <utility>

#include "mappings/base/log.hpp"
#include "sync/mem0/budget.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/known_projects.hpp"

namespace membridge::admin {
namespace {

using sync::mem0::Access;

/// Logs changes of a key's standing. An accepted key is logged only after it was refused; otherwise every command would begin
/// with that line.
void LogStanding(const ProjectId& project, Access::Standing before, const Access::State& state) {
  switch (state.standing) {
    case Access::Standing::kKeyRefused:
      Log(LogLevel::kError, "key_refused",
          {{"project", project.Text()}, {"error", state.error.message}, {"hint", state.error.hint}});
      break;
    case Access::Standing::kOtherProject:
      Log(LogLevel::kError, "other_project_refused",
          {{"project", project.Text()}, {"error", state.error.message}, {"hint", state.error.hint}});
      break;
    case Access::Standing::kRecognised:
      if (before == Access::Standing::kUnknown) break;
      Log(LogLevel::kInfo, "key_recognised", {{"project", project.Text()}});
      break;
    case Access::Standing::kUnknown:
      break;
  }
}

std::shared_ptr<Access> AccessTo(const ProjectConfig& project, const std::string& state_dsn) {
  Access::Options options;
  options.key = project.api_key;
  if (!project.api_key_file.empty()) options.read_key = [file = project.api_key_file] { return ReadKeyFile(file); };
  // Open a session for each check; two a minute are not worth keeping one open.
  options.recognise = [id = project.id, state_dsn](const sync::mem0::Account& account) {
    sync::postgres::Session session{state_dsn, "membridge projects"};
    return sync::KnownProjects{session}.Recognise(id, account);
  };
  options.changed = [id = project.id, before = Access::Standing::kUnknown](const Access::State& state) mutable {
    LogStanding(id, std::exchange(before, state.standing), state);
  };
  return std::make_shared<Access>(std::move(options));
}

}  // namespace

sync::mem0::Client ClientForCommand(const ProjectConfig& project, sync::postgres::Session& state, int tries,
                                    std::chrono::milliseconds timeout) {
  Access::Options access;
  access.key = project.api_key;
  access.recognise = [id = project.id, &state](const sync::mem0::Account& account) {
    return sync::KnownProjects{state}.Compare(id, account);
  };
  sync::mem0::Client::Options options;
  options.base_url = project.base_url;
  options.access = std::make_shared<Access>(std::move(access));
  options.tries = tries;
  options.timeout = timeout;
  return sync::mem0::Client{std::move(options), std::make_shared<sync::mem0::CallBudget>()};
}

namespace {

/// Precondition: the project has a source.
sync::source::TableOptions TableOptionsOf(const ProjectConfig& project) {
  sync::source::TableOptions options;
  options.project = project.id;
  options.dsn = project.source->dsn;
  options.table = TableOf(*project.source);
  return options;
}

}  // namespace

sync::source::TableName TableOf(const SourceConfig& source) {
  return sync::source::TableName::Parse(source.table).value();
}

std::unique_ptr<sync::mem0::Records> RecordsForCommand(const ProjectConfig& project, sync::postgres::Session& state, int tries) {
  if (!project.source) return std::make_unique<sync::mem0::Client>(ClientForCommand(project, state, tries));
  auto options = TableOptionsOf(project);
  Access::Options access;
  access.recognise = [id = project.id, &state](const sync::mem0::Account& account) {
    return sync::KnownProjects{state}.Compare(id, account);
  };
  options.access = std::make_shared<Access>(std::move(access));
  return std::make_unique<sync::source::TableRecords>(std::move(options));
}

Result<sync::mem0::Account> AccountOf(const ProjectConfig& project, int tries, std::chrono::milliseconds timeout) {
  if (project.source) return sync::source::WhoseTable(project.source->dsn, TableOf(*project.source));
  sync::mem0::Client::Options options;
  options.base_url = project.base_url;
  options.api_key = project.api_key;
  options.tries = tries;
  options.timeout = timeout;
  return sync::mem0::Client{std::move(options), std::make_shared<sync::mem0::CallBudget>()}.Ping();
}

Mem0Clients::Mem0Clients(const Config& config, const std::string& state_dsn, Metrics& metrics)
    : config_(config), state_dsn_(state_dsn), metrics_(metrics) {
  for (const auto& project : config.projects) {
    const auto most = static_cast<double>(project.calls_per_second);
    budgets_[project.id] = std::make_shared<sync::mem0::CallBudget>(most, most);
    access_[project.id] = AccessTo(project, state_dsn);
  }
  metrics.Watch(Metrics::Kind::kGauge, "membridge_mem0_budget_calls_per_second",
                "Calls to Mem0 allowed now, as learned from its answers", [this] {
                  std::vector<MetricSample> samples;
                  for (const auto& [project, budget] : budgets_)
                    samples.push_back({{{"project", project.Text()}}, budget->PerSecond()});
                  return samples;
                });
}

std::unique_ptr<sync::mem0::Client> Mem0Clients::For(const ProjectId& id, Urgency urgency) const {
  const ProjectConfig* project = config_.FindProject(id);
  if (project == nullptr || project->source) return nullptr;
  sync::mem0::Client::Options options;
  options.base_url = project->base_url;
  options.access = access_.at(id);
  options.background = urgency == Urgency::kBackground;
  // Repeat a failed call within the claim. If the claim were put back, all its memories would wait for a pause.
  options.tries = 3;
  if (urgency == Urgency::kInteractive) {
    options.timeout = std::chrono::seconds{10};
    options.tries = 1;
  }
  options.stop = [this] { return give_up_.load(); };
  options.observe = [this, name = id.Text()](const sync::mem0::CallReport& report) { Report(name, report); };
  return std::make_unique<sync::mem0::Client>(std::move(options), budgets_.at(id));
}

std::unique_ptr<sync::mem0::Records> Mem0Clients::RecordsFor(const ProjectId& id, Urgency urgency) const {
  const ProjectConfig* project = config_.FindProject(id);
  if (project == nullptr || !project->source) return For(id, urgency);
  auto options = TableOptionsOf(*project);
  options.known = sync::source::MeetIn(state_dsn_, id);
  options.access = access_.at(id);
  options.observe = [this, name = id.Text()](const sync::mem0::CallReport& report) { Report(name, report); };
  return std::make_unique<sync::source::TableRecords>(std::move(options));
}

void Mem0Clients::Report(const std::string& project, const sync::mem0::CallReport& report) const {
  metrics_.Count("membridge_mem0_calls_total", "Calls to Mem0 by name and outcome",
                 {{"project", project}, {"call", std::string{report.name}}, {"outcome", std::string{report.outcome}}});
  metrics_.Observe("membridge_mem0_call_seconds", "How long Mem0 took to answer",
                   std::chrono::duration<double>(report.took).count());
  const bool in_between = report.outcome == "in_between";
  bool news = false;
  {
    const std::lock_guard lock{mutex_};
    // Some kinds of calls may work while others fail, so a streak ends only with an answer to the same kind of call.
    const std::string call = project + "/" + std::string{report.name};
    if (in_between) news = in_between_.insert(call).second;
    if (report.outcome == "ok" || report.outcome == "not_found") in_between_.erase(call);
  }
  if (news)
    Log(LogLevel::kWarn, "answer_not_mem0s",
        {{"project", project},
         {"call", report.name},
         {"status", report.status},
         {"hint", "is base_url right, and is there a proxy or a gateway in between? nothing is concluded from it"}});
}

std::vector<Reason> Mem0Clients::Refusals() const {
  std::vector<Reason> reasons;
  for (const auto& [project, access] : access_) {
    const Access::State state = access->Now();
    const auto add = [&, &name = project](Degraded kind) {
      reasons.push_back({kind, {.project = name.Text()}, state.error.message, state.error.hint, {}});
    };
    if (state.standing == Access::Standing::kKeyRefused) add(Degraded::kKeyRefused);
    if (state.standing == Access::Standing::kOtherProject) add(Degraded::kOtherProject);
  }
  return reasons;
}

void Mem0Clients::ReadKeysAgain() const {
  for (const auto& [project, access] : access_) {
    if (access->ReadKeyAgain()) Log(LogLevel::kInfo, "key_read_again", {{"project", project.Text()}});
  }
}

}  // namespace membridge::admin
