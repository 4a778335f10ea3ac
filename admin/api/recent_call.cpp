// What the overview told before: of the last hour as this process saw it, of the last week as the state keeps it.
#include <algorithm>

#include "admin/api/context.hpp"
#include "sync/worker/history.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;
using sync::postgres::Transaction;

void AddQuantiles(ordered_json& lists, const sync::LagCounts& lags) {
  lists["p50"].push_back(OrNull(lags.Quantile(0.5)));
  lists["p95"].push_back(OrNull(lags.Quantile(0.95)));
  lists["p99"].push_back(OrNull(lags.Quantile(0.99)));
}

ordered_json WholeOf(const sync::LagCounts& lags) {
  return {{"memories", lags.Total()},
          {"p50_seconds", OrNull(lags.Quantile(0.5))},
          {"p95_seconds", OrNull(lags.Quantile(0.95))},
          {"p99_seconds", OrNull(lags.Quantile(0.99))}};
}

/// Returns the quantiles of lags for the minute that ends with each step.
ordered_json RecentLags(const std::vector<RecentLook>& looks) {
  constexpr std::size_t kMinute = std::chrono::minutes{1} / Recent::kStep;
  ordered_json lags{{"p50", ordered_json::array()}, {"p95", ordered_json::array()}, {"p99", ordered_json::array()}};
  for (std::size_t i = 0; i < looks.size(); ++i) {
    const bool is_young = i < kMinute && looks.size() < Recent::kKept;
    const sync::LagCounts before = is_young ? sync::LagCounts{} : looks[i < kMinute ? 0 : i - kMinute].lags;
    const sync::LagCounts minute = looks[i].lags.Since(before);
    AddQuantiles(lags, minute);
  }
  return lags;
}

/// Returns what became of memories within each step.
ordered_json RecentFates(const std::vector<RecentLook>& looks) {
  ordered_json fates = ordered_json::object();
  for (std::size_t fate = 0; fate < kFates.size(); ++fate) {
    ordered_json counts = ordered_json::array();
    std::uint64_t before = looks.size() < Recent::kKept || looks.empty() ? 0 : looks.front().fates[fate];
    for (const RecentLook& look : looks) {
      counts.push_back(look.fates[fate] - std::min(before, look.fates[fate]));
      before = look.fates[fate];
    }
    fates[std::string{kFates[fate]}] = std::move(counts);
  }
  return fates;
}

/// Returns how many calls a second were made within each step.
ordered_json RecentCalls(const std::vector<RecentLook>& looks, const std::string& project) {
  const auto made = [&](const RecentLook& look) {
    const auto found = look.calls_made.find(project);
    return found == look.calls_made.end() ? std::uint64_t{0} : found->second;
  };
  ordered_json rates = ordered_json::array();
  std::uint64_t before = looks.size() < Recent::kKept || looks.empty() ? 0 : made(looks.front());
  for (const RecentLook& look : looks) {
    const std::uint64_t now = made(look);
    rates.push_back(static_cast<double>(now - std::min(before, now)) / static_cast<double>(Recent::kStep.count()));
    before = now;
  }
  return rates;
}

/// Leaves the newest values of a list, or of each list of an object.
void LeaveNewest(ordered_json& lists, std::size_t count) {
  if (lists.is_object()) {
    for (auto& list : lists) LeaveNewest(list, count);
  } else if (lists.size() > count) {
    lists = ordered_json(std::vector<ordered_json>(lists.end() - static_cast<std::ptrdiff_t>(count), lists.end()));
  }
}

/// Returns what this process saw within the window, an hour at most.
Answer ReadProcess(const Parts& parts, std::chrono::minutes window) {
  const std::vector<RecentLook> looks = parts.recent.Kept();
  ordered_json lags = ordered_json::array();
  ordered_json parked = ordered_json::array();
  for (const RecentLook& look : looks) {
    lags.push_back(OrNull(look.lag_seconds));
    parked.push_back(OrNull(look.parked));
  }
  ordered_json projects = ordered_json::array();
  for (const ProjectConfig& project : parts.config.projects) {
    ordered_json rates = ordered_json::array();
    for (const RecentLook& look : looks) {
      const auto rate = look.calls_per_second.find(project.id.Text());
      rates.push_back(rate == look.calls_per_second.end() ? ordered_json(nullptr) : ordered_json(rate->second));
    }
    projects.push_back({{"project", project.id.Text()},
                        {"calls_per_second", std::move(rates)},
                        {"used_per_second", RecentCalls(looks, project.id.Text())}});
  }
  ordered_json answer{{"source", "process"},
                      {"step_seconds", Recent::kStep.count()},
                      {"lag_seconds", std::move(lags)},
                      {"lag", RecentLags(looks)},
                      {"whole", WholeOf(parts.lags().Since(parts.recent.LagsBefore(window)))},
                      {"outcomes", RecentFates(looks)},
                      {"deliveries", ordered_json::array()},
                      {"parked", std::move(parked)},
                      {"projects", std::move(projects)}};
  const auto count = static_cast<std::size_t>(window / Recent::kStep);
  for (const char* lists : {"lag_seconds", "lag", "outcomes", "parked"}) LeaveNewest(answer[lists], count);
  for (auto& project : answer["projects"]) {
    for (const char* list : {"calls_per_second", "used_per_second"}) LeaveNewest(project[list], count);
  }
  return answer;
}

/// Returns what all processes added to the history within the window.
Answer ReadState(Call& call, const Parts& parts, std::chrono::minutes window) {
  Transaction transaction = call.Begin();
  const Instant now = SystemClock{}.Now();
  const std::chrono::seconds step = window <= std::chrono::days{1} ? sync::History::kStep : std::chrono::hours{1};
  const auto steps = sync::History{transaction}.Since(now - window, now, step);
  sync::HistoryStep whole;
  ordered_json lag{{"p50", ordered_json::array()}, {"p95", ordered_json::array()}, {"p99", ordered_json::array()}};
  ordered_json fates = ordered_json::object();
  ordered_json deliveries = ordered_json::array();
  ordered_json parked = ordered_json::array();
  for (const sync::HistoryStep& each : steps) {
    whole.Add(each);
    AddQuantiles(lag, each.lags);
    for (std::size_t fate = 0; fate < kFates.size(); ++fate) fates[std::string{kFates[fate]}].push_back(each.fates[fate]);
    deliveries.push_back(each.deliveries);
    parked.push_back(each.parked.value_or(0));
  }
  ordered_json projects = ordered_json::array();
  for (const ProjectConfig& project : parts.config.projects)
    projects.push_back({{"project", project.id.Text()},
                        {"calls_per_second", ordered_json::array()},
                        {"used_per_second", ordered_json::array()}});
  return ordered_json{{"source", "state"},
                      {"step_seconds", step.count()},
                      {"lag_seconds", ordered_json::array()},
                      {"lag", std::move(lag)},
                      {"whole", WholeOf(whole.lags)},
                      {"outcomes", std::move(fates)},
                      {"deliveries", std::move(deliveries)},
                      {"parked", std::move(parked)},
                      {"projects", std::move(projects)}};
}

Answer ReadRecent(Call& call, const Parts& parts) {
  const std::chrono::minutes window{call.query["minutes"].get<std::int64_t>()};
  return window <= std::chrono::hours{1} ? ReadProcess(parts, window) : ReadState(call, parts, window);
}

}  // namespace

nlohmann::ordered_json OrNull(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

void AddRecentCall(Handlers& handlers, const Parts& parts) {
  handlers["readRecent"] = [&parts](Call& call) { return ReadRecent(call, parts); };
}

}  // namespace membridge::admin::api
