#include "admin/config/shown_config.hpp"

#include <fmt/format.h>

#include <chrono>

#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

using mappings::YamlNode;
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

ordered_json SourceOf(const SourceConfig& source, bool pooled) {
  const std::string dsn = sync::postgres::RedactDsn(source.dsn);
  return {{"postgres", pooled ? ordered_json{{"url", dsn}, {"pooled", true}} : ordered_json(dsn)},
          {"table", source.table},
          {"poll", Written(source.poll)},
          {"sweep", Written(source.sweep)}};
}

ordered_json ProjectOf(const ProjectConfig& project, const std::set<std::string>& pooled) {
  if (project.source) return {{"source", SourceOf(*project.source, pooled.contains(project.source->dsn))}};
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

ordered_json TargetOf(const TargetConfig& target, const std::string& database) {
  ordered_json shown{{"database", database}};
  if (target.feed.on) shown["feed"] = {{"retention", Written(std::chrono::duration_cast<milliseconds>(target.feed.retention))}};
  if (target.feed.publication) shown["feed"]["publication"] = *target.feed.publication;
  return shown;
}

ordered_json FeedOf(const EndpointConfig& feed) {
  ordered_json shown{{"name", feed.endpoint.name}, {"target", feed.target}, {"url", kMasked}, {"secrets", kMasked}};
  const nlohmann::json filter = feed.endpoint.filter.AsJson();
  for (const auto& [key, list] : filter.items()) shown[key] = list;
  shown["batch"] = feed.endpoint.batch;
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

/// Returns the variables that a text of the file names: `MEM0_API_KEY`.
std::string VariablesIn(const std::string& text) {
  std::string names;
  for (std::size_t at = text.find("${"); at != std::string::npos; at = text.find("${", at + 2)) {
    const std::size_t end = text.find('}', at);
    if (end == std::string::npos) break;
    names += (names.empty() ? "" : ", ") + text.substr(at + 2, end - at - 2);
  }
  return names;
}

/// Returns where a shown value comes from: a line of the file with its variables, or nothing that was written.
std::string OriginOf(const YamlNode* written) {
  if (written == nullptr || written->kind == YamlNode::Kind::kNothing) return "default";
  const std::string variables = VariablesIn(written->text);
  return fmt::format("line {}{}", written->place.line, variables.empty() ? "" : ", from " + variables);
}

/// Returns the node of the file that a shown value was read from; nullptr for a default. A secret may be in a file of its own.
const YamlNode* WrittenAt(const YamlNode* written, const std::string& key) {
  if (written == nullptr) return nullptr;
  // A list of one-word entries and a short form (`database: {url: …}`, `- mappings/people.yaml`) stand for the whole value.
  if (written->kind == YamlNode::Kind::kScalar) return written;
  if (const YamlNode* found = written->Find(key)) return found;
  return written->Find(key + "_file");
}

void WriteYaml(std::string& text, const ordered_json& value, std::size_t indent, const YamlNode* written) {
  constexpr std::size_t kOriginColumn = 56;
  const std::string margin(indent, ' ');
  std::size_t place = 0;
  for (const auto& item : value.items()) {
    const ordered_json& inner = item.value();
    const YamlNode* from = nullptr;
    if (value.is_array())
      from = written != nullptr && place < written->items.size() ? &written->items[place] : nullptr;
    else
      from = WrittenAt(written, item.key());
    ++place;
    const std::string head = value.is_array() ? "-" : item.key() + ":";
    if (inner.is_structured() && !inner.empty()) {
      text += margin + head + "\n";
      WriteYaml(text, inner, indent + 2, from);
      continue;
    }
    std::string line = margin + head + " " + inner.dump();
    line.append(line.size() < kOriginColumn ? kOriginColumn - line.size() : 1, ' ');
    text += line + "  # " + OriginOf(from) + "\n";
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
  shown["admin"] = {
      {"listen", Written(config.admin_listen)}, {"tokens", std::move(tokens)}, {"save_mappings", config.save_mappings}};
  if (!config.audit_key_file.empty()) shown["admin"]["audit"] = {{"key_file", config.audit_key_file}};
  shown["database"] = config.database ? written(*config.database) : "embedded";
  shown["state_dir"] = config.state_dir;
  for (const ProjectConfig& project : config.projects) shown["projects"][project.id.Text()] = ProjectOf(project, config.pooled);
  for (const TargetConfig& target : config.targets)
    shown["targets"][target.name] = TargetOf(target, target.dsn ? written(*target.dsn) : "state");
  shown["mappings"] = ordered_json::array();
  for (const MappingConfig& mapping : config.mappings) {
    ordered_json one{{"file", mapping.file}};
    if (mapping.project) one["project"] = mapping.project->Text();
    one["target"] = mapping.target;
    if (mapping.feed) one["feed"] = *mapping.feed;
    if (!mapping.vars.empty()) one["vars"] = mapping.vars;
    shown["mappings"].push_back(std::move(one));
  }
  for (const EndpointConfig& feed : config.feeds) shown["feeds"].push_back(FeedOf(feed));
  shown["backfill"] = ordered_json::array();
  for (const BackfillConfig& backfill : config.backfill) shown["backfill"].push_back(BackfillOf(backfill));
  shown["retention"] = {{"deliveries", Written(config.keep_deliveries)},
                        {"parked", Written(config.keep_parked)},
                        {"runs", Written(config.keep_runs)}};
  shown["max_body"] = config.max_body_bytes % (1024 * 1024) == 0 ? fmt::format("{}MiB", config.max_body_bytes / 1024 / 1024)
                                                                 : fmt::format("{}KiB", config.max_body_bytes / 1024);
  shown["http"] = {{"idle", Written(config.http.idle)}, {"connections_per_address", config.http.connections_per_address}};
  shown["soft_stop"] = Written(config.soft_stop);
  shown["sync"] = {{"workers", config.sync.workers},
                   {"batch", config.sync.batch},
                   {"read_lag", Written(config.sync.read_lag)},
                   {"lease", Written(config.sync.lease)},
                   {"poll", Written(config.sync.poll)},
                   {"lock_timeout", Written(config.sync.lock_timeout)},
                   {"statement_timeout", Written(config.sync.statement_timeout)},
                   {"delivery_patience", Written(config.sync.delivery_patience)}};
  return shown;
}

std::string AsYaml(const ordered_json& value, const YamlNode& written) {
  std::string text;
  WriteYaml(text, value, 0, &written);
  return text;
}

}  // namespace membridge::admin
