#include "admin/mapping_files/live_mappings.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "mappings/base/log.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;

/// The pause after a target could not be reached.
constexpr std::chrono::milliseconds kAwayPause = 5s;

std::string PrintOf(const std::string& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) return "absent";
  return fmt::format("{}:{}:{}:{}.{:09}", found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec);
}

/// Returns the mappings whose rules have changed, so that memories may get other rows.
std::vector<std::string> Changed(const std::map<std::string, std::string>& before,
                                 const std::map<std::string, std::string>& after) {
  std::vector<std::string> names;
  for (const auto& [name, digest] : after) {
    const auto known = before.find(name);
    if (known == before.end() || known->second != digest) names.push_back(name);
  }
  for (const auto& [name, digest] : before) {
    if (!after.contains(name)) names.push_back(name);
  }
  return names;
}

bool IsSameEdition(const sync::MappingSet& one, const sync::MappingSet& other) {
  return std::equal(one.projects.begin(), one.projects.end(), other.projects.begin(), other.projects.end(),
                    [](const auto& a, const auto& b) { return a.first == b.first && a.second.edition == b.second.edition; });
}

std::vector<std::string> TextsOf(const mappings::Diagnostics& problems) {
  std::vector<std::string> texts;
  for (const auto& problem : problems.Sorted()) texts.push_back(problem.Text());
  return texts;
}

}  // namespace

LiveMappings::LiveMappings(const Config& config, const Databases& databases, CheckedMappings first, const Clock& clock)
    : config_(config),
      databases_(databases),
      clock_(clock),
      taken_at_(clock.Now()),
      tried_(Look()),
      seen_(tried_),
      current_(std::make_shared<const CheckedMappings>(std::move(first))) {
  thread_.emplace("mappings", [this](const std::stop_token&) { return Round(); });
}

std::shared_ptr<const sync::MappingSet> LiveMappings::Get() const {
  const std::lock_guard lock{mutex_};
  return current_->set;
}

MappingsInForce LiveMappings::InForce() const {
  const std::lock_guard lock{mutex_};
  return {current_, refusal_};
}

LiveMappings::Prints LiveMappings::Look() const {
  Prints prints;
  for (const MappingConfig& mapping : config_.mappings) prints[mapping.file] = PrintOf(mapping.file);
  return prints;
}

std::chrono::milliseconds LiveMappings::Round() {
  Prints now = Look();
  // A file that is still being written changes again before the next look, so wait until two looks are equal.
  const bool settled = now == seen_;
  seen_ = std::move(now);
  const bool asked = requested_.exchange(false);
  if (!asked && (!settled || seen_ == tried_)) return kLook;
  const std::lock_guard looking{looking_};
  mappings::Diagnostics problems;
  auto loaded = LoadAndCheck(config_, databases_, problems);
  if (!loaded) {
    ++unavailable_;
    Log(LogLevel::kWarn, "mappings_not_checked",
        {{"error", loaded.error().message}, {"hint", "the bridge tries again by itself"}});
    requested_ = true;
    return kAwayPause;
  }
  tried_ = seen_;
  if (*loaded)
    TakeOver(std::move(**loaded), problems);
  else
    Keep(std::move(problems));
  return kLook;
}

void LiveMappings::LookAtTables() {
  const std::lock_guard looking{looking_};
  mappings::Diagnostics problems;
  auto loaded = LoadAndCheck(config_, databases_, problems);
  if (!loaded) {
    ++unavailable_;
    return;
  }
  if (!*loaded) return Keep(std::move(problems));
  if (IsSameEdition(*Get(), *(*loaded)->set)) return;
  TakeOver(std::move(**loaded), problems);
}

void LiveMappings::TakeOver(CheckedMappings next, const mappings::Diagnostics& problems) {
  std::vector<std::string> changed;
  {
    const std::lock_guard lock{mutex_};
    changed = Changed(current_->projected, next.projected);
    current_ = std::make_shared<const CheckedMappings>(std::move(next));
    refusal_.reset();
  }
  ++taken_;
  taken_at_ = clock_.Now();
  degraded_ = false;
  // New mappings do not change existing rows by themselves. A person decides about a reprojection, after looking at `plan --all`.
  Log(LogLevel::kInfo, "mappings_taken",
      {{"changed", changed},
       {"warnings", TextsOf(problems)},
       {"hint", changed.empty() ? "" : "memories read from now on follow them; for those read before, run membridge reproject"}});
}

void LiveMappings::Keep(mappings::Diagnostics problems) {
  Log(LogLevel::kError, "mappings_refused",
      {{"problems", TextsOf(problems)},
       {"hint", "the mappings from before stay in force; fix the files, and they are loaded again"}});
  {
    const std::lock_guard lock{mutex_};
    refusal_ = RefusedMappings{clock_.Now(), std::move(problems)};
  }
  ++refused_;
  degraded_ = true;
}

nlohmann::json LiveMappings::Standing() const {
  nlohmann::json standing{{"ok", !degraded_}};
  if (degraded_)
    standing["message"] = "mapping files that changed were refused, and those from before are in force; run membridge check";
  return standing;
}

std::vector<Reason> LiveMappings::Refusals() const {
  if (!degraded_) return {};
  return {{Degraded::kMappingsRefused, {}, {}, {}, {}}};
}

void LiveMappings::AddTo(Metrics& metrics) const {
  using Kind = Metrics::Kind;
  metrics.Watch(Kind::kCounter, "membridge_mappings_reloads_total", "Times mapping files were loaded again, by outcome", [this] {
    return std::vector<MetricSample>{{{{"outcome", "taken"}}, static_cast<double>(taken_)},
                                     {{{"outcome", "refused"}}, static_cast<double>(refused_)},
                                     {{{"outcome", "unavailable"}}, static_cast<double>(unavailable_)}};
  });
  metrics.Watch(Kind::kGauge, "membridge_mappings_taken_timestamp_seconds", "When the mappings in force were taken over", [this] {
    return std::vector<MetricSample>{{{}, std::chrono::duration<double>(taken_at_.load().time_since_epoch()).count()}};
  });
  metrics.Watch(Kind::kGauge, "membridge_mappings_degraded", "1 while mapping files that were refused stand on the disk", [this] {
    return std::vector<MetricSample>{{{}, degraded_ ? 1.0 : 0.0}};
  });
}

}  // namespace membridge::admin
