#include "admin/config/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "admin/config/fields.hpp"
#include "admin/config/sections.hpp"
#include "admin/config/values.hpp"

namespace membridge::admin {
namespace {

/// Shorter tokens can be guessed.
constexpr std::size_t kShortestToken = 16;

void ReadAdminToken(const YamlNode& item, Fields& admin, Config& config) {
  ReadingContext& context = admin.context();
  if (!IsMap(item, "a token", context)) return;
  Fields fields{item, "a token", context};
  AdminToken token;
  token.name = fields.RequiredText("name", "a name tells tokens apart in the log").value_or("");
  for (const AdminToken& other : config.admin_tokens) {
    if (other.name == token.name)
      context.problems.Error(fields.PlaceOf("name"),
                             fmt::format("two tokens are named \"{}\"; the audit could not tell them apart", token.name));
  }
  if (const auto text = fields.RequiredSecret("token", "write token: \"${MEMBRIDGE_ADMIN_TOKEN}\"")) {
    token.token = *text;
    if (text->size() < kShortestToken)
      context.problems.Error(
          fields.PlaceOf(fields.SecretKeyOf("token")),
          fmt::format("a token must have at least {} characters; openssl rand -hex 32 makes a good one", kShortestToken));
  }
  if (const auto text = fields.RequiredText("role", "write viewer, operator or admin")) {
    const auto role = RoleNamed(*text);
    if (!role) {
      context.problems.Error(fields.Take("role")->place,
                             fmt::format("unknown role \"{}\"{}", *text, Suggestion(*text, {"viewer", "operator", "admin"})));
    }
    token.role = role.value_or(Role::kViewer);
  }
  fields.Done();
  config.admin_tokens.push_back(std::move(token));
}

/// Reads a list of networks. A text that is not a network is reported.
receiver::Networks ReadNetworks(Fields& fields, std::string_view key) {
  std::vector<std::string> texts;
  for (const YamlNode* item : fields.List(key)) {
    if (auto text = TextOf(*item, "a network", fields.context())) texts.push_back(std::move(*text));
  }
  auto networks = receiver::Networks::Read(texts);
  if (networks) return std::move(*networks);
  fields.context().problems.Error(fields.PlaceOf(key), networks.error().message + "; write networks as 10.0.0.0/8");
  return {};
}

void ReadAuditKeys(Fields& admin, Config& config) {
  const YamlNode* section = admin.Take("audit");
  if (section == nullptr || !IsMap(*section, "\"audit\"", admin.context())) return;
  Fields fields{*section, "\"audit\"", admin.context()};
  if (const auto written = fields.RequiredText("key_file", "it names the file with the keys that seal the audit's entries")) {
    config.audit_key_file = admin.context().PathOf(*written);
    std::ifstream stream{config.audit_key_file};
    auto keys = AuditKeys::Read(std::string{std::istreambuf_iterator<char>{stream}, {}});
    if (keys) {
      config.audit_keys = std::make_shared<const AuditKeys>(std::move(*keys));
    } else {
      const bool can_be_read = static_cast<bool>(stream);
      admin.context().problems.Error(fields.PlaceOf("key_file"),
                                     fmt::format("\"{}\" {}{}; {}", *written, can_be_read ? "holds no keys: " : "cannot be read",
                                                 can_be_read ? keys.error().message : "", keys.error().hint));
    }
  }
  fields.Done();
}

void ReadAdmin(Fields& top, Config& config) {
  const YamlNode* section = top.Take("admin");
  if (section == nullptr || !IsMap(*section, "\"admin\"", top.context())) return;
  Fields fields{*section, "\"admin\"", top.context()};
  fields.Read("listen", config.admin_listen);
  for (const YamlNode* item : fields.List("tokens")) ReadAdminToken(*item, fields, config);
  config.admin_trusted_proxies = ReadNetworks(fields, "trusted_proxies");
  ReadAuditKeys(fields, config);
  fields.Read("save_mappings", config.save_mappings);
  fields.Done();
}

void ReadSync(Fields& top, SyncConfig& sync) {
  const YamlNode* section = top.Take("sync");
  if (section == nullptr || !IsMap(*section, "\"sync\"", top.context())) return;
  Fields fields{*section, "\"sync\"", top.context()};
  fields.Read("workers", 1, 64, sync.workers);
  fields.Read("batch", 1, 200, sync.batch);
  fields.Read("read_lag", sync.read_lag);
  fields.Read("lease", sync.lease);
  fields.Read("poll", sync.poll);
  fields.Read("delivery_patience", sync.delivery_patience);
  fields.Read("lock_timeout", sync.lock_timeout);
  fields.Read("statement_timeout", sync.statement_timeout);
  if (sync.lock_timeout < std::chrono::milliseconds{10}) {
    top.context().problems.Error(fields.PlaceOf("lock_timeout"), "\"lock_timeout\" must be at least 10ms");
  }
  if (sync.statement_timeout <= sync.lock_timeout) {
    top.context().problems.Error(fields.PlaceOf("statement_timeout"),
                                 "\"statement_timeout\" must be longer than \"lock_timeout\", which would never be reached");
  }
  if (sync.poll < std::chrono::milliseconds{10}) {
    top.context().problems.Error(fields.PlaceOf("poll"), "\"poll\" must be at least 10ms");
  }
  if (sync.lease < std::chrono::seconds{5}) {
    top.context().problems.Error(fields.PlaceOf("lease"),
                                 "\"lease\" must be at least 5s: a claim covers a read at Mem0 and a transaction");
  }
  fields.Done();
}

void ReadHttp(Fields& top, Config& config) {
  const YamlNode* section = top.Take("http");
  if (section == nullptr || !IsMap(*section, "\"http\"", top.context())) return;
  Fields fields{*section, "\"http\"", top.context()};
  fields.Read("idle", config.http.idle);
  fields.Read("connections_per_address", 1, 100'000, config.http.connections_per_address);
  config.http.trusted_proxies = ReadNetworks(fields, "trusted_proxies");
  if (config.http.idle < std::chrono::seconds{1} || config.http.idle > std::chrono::hours{1}) {
    top.context().problems.Error(fields.PlaceOf("idle"),
                                 "\"idle\" must be from 1s to 1h, and longer than the proxy in front keeps a connection");
  }
  fields.Done();
}

void ReadRetention(Fields& top, Config& config) {
  const YamlNode* section = top.Take("retention");
  if (section == nullptr || !IsMap(*section, "\"retention\"", top.context())) return;
  Fields fields{*section, "\"retention\"", top.context()};
  fields.Read("deliveries", config.keep_deliveries);
  fields.Read("parked", config.keep_parked);
  fields.Read("runs", config.keep_runs);
  if (config.keep_deliveries < std::chrono::days{1}) {
    top.context().problems.Error(fields.PlaceOf("deliveries"),
                                 "\"deliveries\" must be at least 1d: they are dropped by whole days");
  }
  fields.Done();
}

void ReadDatabase(Fields& top, Config& config) {
  config.database_place = top.PlaceOf(top.SecretKeyOf("database"));
  const auto database = ReadDatabaseText(top, "write embedded, or postgresql://…", config);
  if (!database || *database == "embedded") return;
  if (IsDsn(*database)) {
    config.database = *database;
  } else {
    top.context().problems.Error(top.Take(top.SecretKeyOf("database"))->place,
                                 "\"database\" must be embedded, or begin with postgresql://");
  }
}

void ReadMaxBody(Fields& top, Config& config) {
  const auto text = top.Text("max_body");
  if (!text) return;
  const auto size = ParseSize(*text);
  if (size && *size >= 1024 && *size <= std::size_t{64} * 1024 * 1024) {
    config.max_body_bytes = *size;
  } else {
    top.context().problems.Error(top.Take("max_body")->place,
                                 "\"max_body\" must be a size from 1KiB to 64MiB; write a number with KiB or MiB, as in 1MiB");
  }
}

Config ReadTop(const YamlNode& root, const std::string& file, ReadingContext& context) {
  Config config;
  config.file = file;
  Fields top{root, "the configuration", context};
  top.Read("listen", config.listen);
  ReadAdmin(top, config);
  ReadDatabase(top, config);
  config.state_dir = context.PathOf(top.Text("state_dir").value_or("membridge-data"));
  ReadProjects(top, config);
  ReadTargets(top, config);
  ReadMappings(top, config);
  ReadFeeds(top, config);
  ReadBackfill(top, config);
  ReadRetention(top, config);
  ReadMaxBody(top, config);
  ReadHttp(top, config);
  top.Read("soft_stop", config.soft_stop);
  ReadSync(top, config.sync);
  top.Done();
  return config;
}

}  // namespace

const ProjectConfig* Config::FindProject(const ProjectId& id) const {
  for (const auto& project : projects) {
    if (project.id == id) return &project;
  }
  return nullptr;
}

const TargetConfig* Config::FindTarget(const std::string& name) const {
  for (const auto& target : targets) {
    if (target.name == name) return &target;
  }
  return nullptr;
}

const EndpointConfig* Config::FindFeed(const std::string& name) const {
  for (const auto& feed : feeds) {
    if (feed.endpoint.name == name) return &feed;
  }
  return nullptr;
}

bool Config::Tells(const MappingConfig& mapping) const {
  const TargetConfig* target = FindTarget(mapping.target);
  return mapping.feed.value_or(target != nullptr && target->feed.on);
}

bool Config::HasFeed(const std::string& target) const {
  return std::any_of(mappings.begin(), mappings.end(),
                     [&](const MappingConfig& mapping) { return mapping.target == target && Tells(mapping); });
}

Environment ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
  };
}

std::optional<Config> ReadConfig(const std::string& file, const std::string& yaml, const Environment& environment,
                                 mappings::Diagnostics& problems) {
  mappings::Diagnostics found;
  ReadingContext context{environment, found, std::filesystem::path{file}.parent_path().string()};
  std::optional<Config> config;
  if (const auto source = mappings::YamlSource::Parse(file, yaml, found)) {
    if (source->Root().kind == YamlNode::Kind::kMap) {
      config = ReadTop(source->Root(), file, context);
    } else {
      found.Error({file, 0, 0}, "the configuration is empty or no map; it needs at least \"database\" and \"projects\"");
    }
  }
  problems.Append(found);
  return found.HasErrors() ? std::nullopt : std::move(config);
}

std::optional<Config> LoadConfig(const std::string& file, const Environment& environment, mappings::Diagnostics& problems) {
  std::ifstream stream{file};
  std::stringstream text;
  // A folder can be opened but not read; the second check catches this.
  if (!stream || !(text << stream.rdbuf())) {
    problems.Error({file, 0, 0}, "cannot be read; give the configuration with --config FILE, or name it in MEMBRIDGE_CONFIG");
    return std::nullopt;
  }
  return ReadConfig(file, text.str(), environment, problems);
}

}  // namespace membridge::admin
