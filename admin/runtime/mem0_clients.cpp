#include "admin/runtime/mem0_clients.hpp"

#include <string>

#include "sync/mem0/budget.hpp"

namespace membridge::admin {

Mem0Clients::Mem0Clients(const Config& config, Metrics& metrics) : config_(config), metrics_(metrics) {
  for (const auto& project : config.projects) {
    const auto most = static_cast<double>(project.calls_per_second);
    budgets_[project.id] = std::make_shared<sync::mem0::CallBudget>(most, most);
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
  if (project == nullptr) return nullptr;
  sync::mem0::Client::Options options;
  options.base_url = project->base_url;
  options.api_key = project->api_key;
  options.background = urgency == Urgency::kBackground;
  // A refused call is repeated here, within the claim: put back, the memories around it would wait out a pause too.
  options.tries = 3;
  if (urgency == Urgency::kInteractive) {
    options.timeout = std::chrono::seconds{10};
    options.tries = 1;
  }
  options.stop = [this] { return give_up_.load(); };
  options.observe = [this, name = id.Text()](const sync::mem0::CallReport& report) {
    metrics_.Count("membridge_mem0_calls_total", "Calls to Mem0 by name and outcome",
                   {{"project", name}, {"call", std::string{report.name}}, {"outcome", std::string{report.outcome}}});
    metrics_.Observe("membridge_mem0_call_seconds", "How long Mem0 took to answer",
                     std::chrono::duration<double>(report.took).count());
  };
  return std::make_unique<sync::mem0::Client>(std::move(options), budgets_.at(id));
}

}  // namespace membridge::admin
