#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "admin/config/sections.hpp"
#include "admin/config/values.hpp"
#include "sync/mem0/webhook_events.hpp"
#include "sync/source/table_name.hpp"

namespace membridge::admin {
namespace {

/// Reads a URL without query or fragment and removes the slash at its end. Returns nothing when the text is not such a URL, which
/// has been reported.
std::optional<std::string> ReadUrl(Fields& fields, std::string_view key) {
  auto url = fields.Text(key);
  if (!url) return std::nullopt;
  const bool scheme = url->starts_with("https://") || url->starts_with("http://");
  const std::string_view rest = scheme ? std::string_view{*url}.substr(url->find("//") + 2) : std::string_view{};
  if (rest.empty() || rest.front() == '/' || rest.find_first_of("?#@ \t") != std::string_view::npos) {
    fields.context().problems.Error(
        fields.Take(key)->place,
        fmt::format("\"{}\" must be http(s)://host without user, query or fragment; write https://host.example.com", key));
    return std::nullopt;
  }
  while (url->back() == '/') url->pop_back();
  return url;
}

std::string ReadApiKey(Fields& fields, std::string& file) {
  const bool both = fields.Take("api_key") != nullptr && fields.Take("api_key_file") != nullptr;
  if (both)
    fields.context().problems.Error(fields.PlaceOf("api_key_file"),
                                    fmt::format("{} has both \"api_key\" and \"api_key_file\"; give one", fields.where()));
  if (fields.Take("api_key_file") == nullptr)
    return fields.RequiredText("api_key", "write api_key: ${MEM0_API_KEY}, or give api_key_file").value_or("");
  const auto written = fields.Text("api_key_file");
  if (!written || both) return {};
  file = fields.context().PathOf(*written);
  std::string key = ReadKeyFile(file);
  if (key.empty())
    fields.context().problems.Error(
        fields.Take("api_key_file")->place,
        fmt::format("\"{}\" is empty or cannot be read; it must hold the API key and nothing else", *written));
  return key;
}

std::vector<std::string> ReadEvents(Fields& fields) {
  ReadingContext& context = fields.context();
  std::vector<std::string> events;
  for (const YamlNode* item : fields.List("events")) {
    const auto event = TextOf(*item, "an event", context);
    if (!event) continue;
    if (std::find(sync::mem0::KnownWebhookEvents().begin(), sync::mem0::KnownWebhookEvents().end(), *event) ==
        sync::mem0::KnownWebhookEvents().end()) {
      context.problems.Error(item->place,
                             fmt::format("unknown event \"{}\"{}", *event, Suggestion(*event, sync::mem0::KnownWebhookEvents())));
    }
    events.push_back(*event);
  }
  if (events.empty())
    context.problems.Error(fields.PlaceOf("events"), "\"events\" is empty; leave it out for the four memory events");
  return events;
}

WebhookConfig ReadWebhook(Fields& project, const ProjectId& id) {
  WebhookConfig webhook;
  webhook.name = "membridge-" + id.Text();
  webhook.events = {sync::mem0::KnownWebhookEvents().begin(), sync::mem0::KnownWebhookEvents().begin() + 4};
  webhook.verify = {{"token", nullptr}};
  const YamlNode* section = project.Take("webhook");
  if (section == nullptr || !IsMap(*section, "\"webhook\"", project.context())) return webhook;
  ReadingContext& context = project.context();
  Fields fields{*section, fmt::format("the webhook of {}", project.where()), context};
  webhook.public_url = ReadUrl(fields, "public_url").value_or("");
  if (auto name = fields.Text("name")) webhook.name = std::move(*name);
  if (fields.Take("events") != nullptr) webhook.events = ReadEvents(fields);
  fields.Read("manage", webhook.manage);
  fields.Read("check_every", webhook.check_every);
  if (webhook.check_every < std::chrono::seconds{1})
    context.problems.Error(fields.PlaceOf("check_every"), "\"check_every\" must be at least 1s");
  fields.Read("overlap", webhook.overlap);
  if (webhook.manage && fields.Take("public_url") == nullptr) {
    context.problems.Error(fields.PlaceOf("manage"),
                           "\"manage: true\" needs \"public_url\": the address Mem0 reaches this bridge at");
  }
  webhook.verify = ReadVerify(fields);
  fields.Done();
  return webhook;
}

std::optional<sync::CanaryOptions> ReadCanary(Fields& project) {
  const YamlNode* section = project.Take("canary");
  if (section == nullptr || !IsMap(*section, "\"canary\"", project.context())) return std::nullopt;
  Fields fields{*section, fmt::format("the canary of {}", project.where()), project.context()};
  sync::CanaryOptions canary;
  fields.Read("every", canary.every);
  fields.Read("deadline", canary.deadline);
  for (const auto& [key, time] : {std::pair{"every", canary.every}, std::pair{"deadline", canary.deadline}}) {
    if (time < std::chrono::seconds{1})
      fields.context().problems.Error(fields.PlaceOf(key), fmt::format("\"{}\" must be at least 1s", key));
  }
  fields.Done();
  return canary;
}

/// Reads the source of a project that is a Mem0 of one's own. Reports keys that only a project at the Platform has.
std::optional<SourceConfig> ReadSource(Fields& project, Config& config) {
  const YamlNode* section = project.Take("source");
  if (section == nullptr || !IsMap(*section, "\"source\"", project.context())) return std::nullopt;
  ReadingContext& context = project.context();
  for (const char* key : {"api_key", "api_key_file", "base_url", "calls_per_second", "webhook", "canary"}) {
    if (project.Take(key) == nullptr) continue;
    context.problems.Error(project.PlaceOf(key),
                           fmt::format("{} has a \"source\", so it is a Mem0 of your own; \"{}\" belongs to a project at Mem0's "
                                       "Platform; give one",
                                       project.where(), key));
  }
  Fields fields{*section, fmt::format("the source of {}", project.where()), context};
  SourceConfig source;
  source.place = fields.PlaceOf(fields.SecretKeyOf("postgres"));
  if (auto dsn = ReadDatabaseText(fields, "write the postgresql://… that Mem0 itself uses", config, "postgres")) {
    if (!IsDsn(*dsn)) context.problems.Error(source.place, "\"postgres\" must begin with postgresql://");
    source.dsn = std::move(*dsn);
  }
  if (auto table = fields.Text("table")) {
    if (!sync::source::TableName::Parse(*table))
      context.problems.Error(fields.PlaceOf("table"),
                             "\"table\" must be a table's name, with its schema if that is not public: public.memories");
    source.table = std::move(*table);
  }
  fields.Read("poll", source.poll);
  fields.Read("sweep", source.sweep);
  for (const auto& [key, time] : {std::pair{"poll", source.poll}, std::pair{"sweep", source.sweep}}) {
    if (time < std::chrono::seconds{1})
      context.problems.Error(fields.PlaceOf(key), fmt::format("\"{}\" must be at least 1s", key));
  }
  fields.Done();
  return source;
}

}  // namespace

std::string ReadKeyFile(const std::string& file) {
  std::ifstream stream{file};
  std::string key{std::istreambuf_iterator<char>{stream}, {}};
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r' || key.back() == ' ')) key.pop_back();
  const bool fits = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < '\x7F'; });
  return fits ? key : std::string{};
}

void ReadProjects(Fields& top, Config& config) {
  const auto entries = top.Map("projects");
  if (top.Take("projects") == nullptr) {
    top.context().problems.Error(top.PlaceOf("projects"),
                                 "the configuration has no \"projects\"; name at least one, with its api_key");
  } else if (entries.empty() && top.Take("projects")->entries.empty() && top.Take("projects")->kind == YamlNode::Kind::kMap) {
    top.context().problems.Error(top.PlaceOf("projects"), "\"projects\" is empty; name at least one, with its api_key");
  }
  for (const Fields::Entry* entry : entries) {
    const std::string where = fmt::format("project \"{}\"", entry->key.text);
    if (!HasName(*entry, "project", top.context()) || !IsMap(entry->value, where, top.context())) continue;
    ProjectConfig project;
    project.id = ProjectId{entry->key.text};
    YamlNode body = entry->value;
    body.place = entry->key.place;  // report missing keys at the project's name
    Fields fields{body, where, top.context()};
    project.source = ReadSource(fields, config);
    if (project.source) {
      project.key_place = project.url_place = project.source->place;
      project.webhook.name = "membridge-" + project.id.Text();
      fields.Done();
      config.projects.push_back(std::move(project));
      continue;
    }
    project.api_key = ReadApiKey(fields, project.api_key_file);
    project.key_place = fields.PlaceOf(fields.Take("api_key_file") != nullptr ? "api_key_file" : "api_key");
    project.url_place = fields.PlaceOf("base_url");
    project.base_url = ReadUrl(fields, "base_url").value_or("https://api.mem0.ai");
    fields.Read("calls_per_second", 1, 10'000, project.calls_per_second);
    project.webhook = ReadWebhook(fields, project.id);
    project.canary = ReadCanary(fields);
    fields.Done();
    config.projects.push_back(std::move(project));
  }
}

}  // namespace membridge::admin
