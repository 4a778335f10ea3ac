#include "admin/config/shown_config.hpp"

#include <fmt/format.h>

#include <chrono>

#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

using nlohmann::ordered_json;
using std::chrono::milliseconds;

constexpr const char* kMasked = "***";

/// Writes a duration as the configuration reads it, with the largest unit that gives a whole number.
std::string Written(milliseconds time) {
  const auto count = time.count();
  if (count == 0) return "0s";
  if (count % 86'400'000 == 0) return fmt::format("{}d", count / 86'400'000);
  if (count % 3'600'000 == 0) return fmt::format("{}h", count / 3'600'000);
  if (count % 60'000 == 0) return fmt::format("{}m", count / 60'000);
  if (count % 1'000 == 0) return fmt::format("{}s", count / 1'000);
  return fmt::format("{}ms", count);
}

std::string Written(const ListenAddress& listen) {
  const bool v6 = listen.host.find(':') != std::string::npos;
  return fmt::format("{}:{}", v6 ? "[" + listen.host + "]" : listen.host, listen.port);
}

ordered_json SchemesOf(const std::vector<VerificationScheme>& schemes) {
  ordered_json list = ordered_json::array();
  for (const auto& scheme : schemes) {
    if (!scheme.parts.empty())
      list.push_back({{scheme.name, SchemesOf(scheme.parts)}});
    else
      list.push_back(scheme.name);
  }
  return list;
}

ordered_json ProjectOf(const ProjectConfig& project) {
  ordered_json shown{{"api_key", kMasked}, {"base_url", project.base_url}, {"calls_per_second", project.calls_per_second}};
  const WebhookConfig& webhook = project.webhook;
  ordered_json hook;
  if (!webhook.public_url.empty()) hook["public_url"] = webhook.public_url;
  hook["name"] = webhook.name;
  hook["events"] = webhook.events;
  hook["manage"] = webhook.manage;
  hook["check_every"] = Written(webhook.check_every);
  hook["overlap"] = Written(webhook.overlap);
  hook["verify"] = SchemesOf(webhook.verify);
  shown["webhook"] = std::move(hook);
  if (project.canary)
    shown["canary"] = {{"every", Written(std::chrono::duration_cast<milliseconds>(project.canary->every))},
                       {"deadline", Written(std::chrono::duration_cast<milliseconds>(project.canary->deadline))}};
  return shown;
}

ordered_json BackfillOf(const BackfillConfig& backfill) {
  ordered_json shown{{"name", backfill.name}, {"project", backfill.project.Text()}};
  if (backfill.kind == BackfillConfig::Kind::kExport) {
    shown["export"] = backfill.export_mapping;
    shown["deadline"] = Written(backfill.deadline);
    if (!backfill.instructions.empty()) shown["instructions"] = backfill.instructions;
    if (backfill.profiles) shown["profiles"] = true;
    if (backfill.full) shown["full"] = true;
  } else {
    shown["sweep"] = backfill.kind == BackfillConfig::Kind::kFullSweep ? "full" : "incremental";
  }
  shown["schedule"] = backfill.schedule;
  shown["timezone"] = backfill.timezone;
  shown["jitter"] = Written(backfill.jitter);
  return shown;
}

void WriteYaml(std::string& text, const ordered_json& value, std::size_t indent) {
  const std::string margin(indent, ' ');
  for (const auto& item : value.items()) {
    const ordered_json& inner = item.value();
    const std::string head = value.is_array() ? "-" : item.key() + ":";
    if (inner.is_structured() && !inner.empty()) {
      text += margin + head + "\n";
      WriteYaml(text, inner, indent + 2);
    } else {
      text += margin + head + " " + inner.dump() + "\n";
    }
  }
}

}  // namespace

ordered_json ShownConfig(const Config& config) {
  const auto written = [&](const std::string& dsn) {
    const std::string shown_dsn = sync::postgres::RedactDsn(dsn);
    return config.pooled.contains(dsn) ? ordered_json{{"url", shown_dsn}, {"pooled", true}} : ordered_json(shown_dsn);
  };
  ordered_json shown{{"listen", Written(config.listen)}};
  ordered_json tokens = ordered_json::array();
  for (const AdminToken& token : config.admin_tokens)
    tokens.push_back({{"name", token.name}, {"role", NameOf(token.role)}, {"token", kMasked}});
  shown["admin"] = {{"listen", Written(config.admin_listen)}, {"tokens", std::move(tokens)}};
  shown["database"] = config.database ? written(*config.database) : "embedded";
  shown["state_dir"] = config.state_dir;
  for (const ProjectConfig& project : config.projects) shown["projects"][project.id.Text()] = ProjectOf(project);
  for (const TargetConfig& target : config.targets)
    shown["targets"][target.name] = {{"database", target.dsn ? written(*target.dsn) : "state"}};
  shown["mappings"] = ordered_json::array();
  for (const MappingConfig& mapping : config.mappings) {
    ordered_json one{{"file", mapping.file}};
    if (mapping.project) one["project"] = mapping.project->Text();
    one["target"] = mapping.target;
    if (!mapping.vars.empty()) one["vars"] = mapping.vars;
    shown["mappings"].push_back(std::move(one));
  }
  shown["backfill"] = ordered_json::array();
  for (const BackfillConfig& backfill : config.backfill) shown["backfill"].push_back(BackfillOf(backfill));
  shown["retention"] = {{"deliveries", Written(config.keep_deliveries)},
                        {"parked", Written(config.keep_parked)},
                        {"runs", Written(config.keep_runs)}};
  shown["max_body"] = config.max_body_bytes % (1024 * 1024) == 0 ? fmt::format("{}MiB", config.max_body_bytes / 1024 / 1024)
                                                                 : fmt::format("{}KiB", config.max_body_bytes / 1024);
  shown["soft_stop"] = Written(config.soft_stop);
  shown["sync"] = {{"workers", config.sync.workers},
                   {"batch", config.sync.batch},
                   {"read_lag", Written(config.sync.read_lag)},
                   {"lease", Written(config.sync.lease)},
                   {"poll", Written(config.sync.poll)},
                   {"delivery_patience", Written(config.sync.delivery_patience)}};
  return shown;
}

std::string AsYaml(const ordered_json& value) {
  std::string text;
  WriteYaml(text, value, 0);
  return text;
}

}  // namespace membridge::admin
