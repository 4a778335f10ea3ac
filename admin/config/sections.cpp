#include "admin/config/sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "admin/config/values.hpp"
#include "sync/schedule/cron.hpp"
#include "sync/schedule/time_zone.hpp"

namespace membridge::admin {
namespace {

std::vector<std::string> NamesOfProjects(const Config& config) {
  std::vector<std::string> names;
  for (const auto& project : config.projects) names.push_back(project.id.Text());
  return names;
}

}  // namespace

bool IsName(std::string_view text) {
  if (text.empty() || text.size() > 63 || text.front() == '-' || text.front() == '_') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; });
}

bool IsDsn(std::string_view text) {
  if (text.starts_with("postgresql://") || text.starts_with("postgres://")) return true;
  return text.starts_with("host=") || text.starts_with("dbname=") || text.starts_with("service=");
}

bool HasName(const Fields::Entry& entry, std::string_view what, ReadingContext& context) {
  if (IsName(entry.key.text)) return true;
  context.problems.Error(entry.key.place,
                         fmt::format("\"{}\" cannot name a {}; use up to 63 of a-z, 0-9, - and _", entry.key.text, what));
  return false;
}

std::optional<std::string> ReadDatabaseText(Fields& fields, std::string_view hint, Config& config, std::string_view key) {
  const YamlNode* written = fields.Take(key);
  if (written == nullptr || written->kind != YamlNode::Kind::kMap) return fields.RequiredSecret(key, hint);
  Fields parts{*written, fmt::format("\"{}\"", key), fields.context()};
  auto url = parts.RequiredSecret("url", "write postgresql://…");
  bool pooled = false;
  parts.Read("pooled", pooled);
  parts.Done();
  if (!url) return std::nullopt;
  if (!IsDsn(*url)) {
    fields.context().problems.Error(parts.PlaceOf(parts.SecretKeyOf("url")), "\"url\" must begin with postgresql://");
    return std::nullopt;
  }
  if (pooled) config.pooled.insert(*url);
  return url;
}

namespace {

/// Reads a target's `feed`: true, or a map.
void ReadFeed(Fields& target, FeedConfig& feed) {
  const YamlNode* written = target.Take("feed");
  if (written == nullptr) return;
  if (written->kind != YamlNode::Kind::kMap) {
    target.Read("feed", feed.on);
    return;
  }
  feed.on = true;
  Fields fields{*written, "\"feed\"", target.context()};
  fields.Read("retention", feed.retention);
  feed.publication = fields.Text("publication");
  if (feed.retention < std::chrono::hours{1}) {
    target.context().problems.Error(fields.PlaceOf("retention"),
                                    "\"retention\" must be at least 1h: who was away for a while must still find what changed");
  }
  fields.Done();
}

}  // namespace

void ReadTargets(Fields& top, Config& config) {
  for (const Fields::Entry* entry : top.Map("targets")) {
    const std::string where = fmt::format("target \"{}\"", entry->key.text);
    if (!HasName(*entry, "target", top.context()) || !IsMap(entry->value, where, top.context())) continue;
    Fields fields{entry->value, where, top.context()};
    TargetConfig target{entry->key.text, std::nullopt, {}, {}};
    target.place = fields.PlaceOf(fields.SecretKeyOf("database"));
    if (const auto database = ReadDatabaseText(fields, "write state, or postgresql://…", config)) {
      if (IsDsn(*database)) {
        target.dsn = *database;
      } else if (*database != "state") {
        top.context().problems.Error(fields.Take(fields.SecretKeyOf("database"))->place,
                                     "a target's \"database\" must be state, or begin with postgresql://");
      }
    }
    ReadFeed(fields, target.feed);
    fields.Done();
    config.targets.push_back(std::move(target));
  }
  if (config.FindTarget("default") == nullptr) config.targets.push_back({"default", std::nullopt, config.database_place, {}});
}

namespace {

/// Reads a mapping's `project`, `target` and `vars`.
void ReadMappingOptions(Fields& fields, const Config& config, MappingConfig& mapping) {
  ReadingContext& context = fields.context();
  if (const auto project = fields.Text("project")) {
    mapping.project = ProjectId{*project};
    if (config.FindProject(*mapping.project) == nullptr) {
      context.problems.Error(fields.Take("project")->place,
                             fmt::format("no project \"{}\"{}", *project, Suggestion(*project, NamesOfProjects(config))));
    }
  }
  if (const auto target = fields.Text("target")) {
    mapping.target = *target;
    if (config.FindTarget(*target) == nullptr) {
      std::vector<std::string> names;
      for (const auto& known : config.targets) names.push_back(known.name);
      context.problems.Error(fields.Take("target")->place,
                             fmt::format("no target \"{}\"{}", *target, Suggestion(*target, names)));
    }
  }
  if (fields.Take("feed") != nullptr) fields.Read("feed", mapping.feed.emplace(false));
  for (const Fields::Entry* var : fields.Map("vars")) {
    if (auto text = TextOf(var->value, fmt::format("the variable \"{}\"", var->key.text), context))
      mapping.vars[var->key.text] = std::move(*text);
  }
}

/// Refuses two mappings with one name for one project. The ledger and the list of parked memories could not distinguish them.
void RefuseSameName(const Config& config, const MappingConfig& mapping, ReadingContext& context) {
  const auto stem = [](const MappingConfig& each) { return std::filesystem::path{each.file}.stem().string(); };
  for (const auto& other : config.mappings) {
    const bool same_project = !other.project || !mapping.project || other.project == mapping.project;
    if (!same_project || stem(other) != stem(mapping)) continue;
    context.problems.Error(
        mapping.place,
        fmt::format("two mappings for one project are named \"{}\"; the first is on line {}; rename one of the files",
                    stem(mapping), other.place.line));
    return;
  }
}

}  // namespace

void ReadMappings(Fields& top, Config& config) {
  for (const YamlNode* item : top.List("mappings")) {
    MappingConfig mapping;
    mapping.place = item->place;
    std::optional<std::string> file;
    if (item->kind == YamlNode::Kind::kScalar) {
      file = TextOf(*item, "a mapping", top.context());
    } else if (IsMap(*item, "a mapping", top.context())) {
      Fields fields{*item, "a mapping", top.context()};
      file = fields.RequiredText("file", "write {file: mappings/contacts.yaml, …}");
      ReadMappingOptions(fields, config, mapping);
      fields.Done();
    }
    if (!file) continue;
    mapping.file = top.context().PathOf(*file);
    RefuseSameName(config, mapping, top.context());
    config.mappings.push_back(std::move(mapping));
  }
}

namespace {

void Tell(Fields& fields, std::string_view key, const Error& error) {
  fields.context().problems.Error(fields.Take(key)->place,
                                  error.hint.empty() ? error.message : error.message + "; " + error.hint);
}

}  // namespace

namespace {

/// Reads the keys that only exports may have; reports them for a sweep.
void ReadExportOptions(Fields& fields, BackfillConfig& backfill) {
  fields.Read("profiles", backfill.profiles);
  fields.Read("full", backfill.full);
  fields.Read("deadline", backfill.deadline);
  if (auto instructions = fields.Text("instructions")) backfill.instructions = std::move(*instructions);
  if (backfill.kind == BackfillConfig::Kind::kExport) return;
  for (const char* key : {"profiles", "full", "deadline", "instructions"}) {
    if (fields.Take(key) == nullptr) continue;
    fields.context().problems.Error(fields.PlaceOf(key), fmt::format("\"{}\" belongs to an export, and this is a sweep", key));
  }
}

}  // namespace

void ReadBackfill(Fields& top, Config& config) {
  ReadingContext& context = top.context();
  for (const YamlNode* item : top.List("backfill")) {
    if (!IsMap(*item, "a backfill", context)) continue;
    Fields fields{*item, "a backfill", context};
    BackfillConfig backfill;
    backfill.place = item->place;
    backfill.name = fields.RequiredText("name", "a name is how it is run and reported").value_or("");
    for (const auto& other : config.backfill) {
      if (other.name == backfill.name) {
        context.problems.Error(fields.PlaceOf("name"), fmt::format("two backfills are named \"{}\"; the first is on line {}",
                                                                   backfill.name, other.place.line));
      }
    }
    backfill.project = ProjectId{fields.RequiredText("project", "write the name of a project").value_or("")};
    if (!backfill.project.Text().empty() && config.FindProject(backfill.project) == nullptr) {
      context.problems.Error(fields.Take("project")->place,
                             fmt::format("no project \"{}\"{}", backfill.project.Text(),
                                         Suggestion(backfill.project.Text(), NamesOfProjects(config))));
    }
    const auto exported = fields.Text("export");
    if (const ProjectConfig* own = config.FindProject(backfill.project); exported && own != nullptr && own->source)
      context.problems.Error(
          fields.PlaceOf("export"),
          fmt::format("project \"{}\" is a Mem0 of your own, which has no exports; write sweep: incremental or "
                      "sweep: full",
                      backfill.project.Text()));
    const auto sweep = fields.Text("sweep");
    if ((fields.Take("export") == nullptr) == (fields.Take("sweep") == nullptr)) {
      context.problems.Error(
          backfill.place,
          "a backfill is either an \"export\" or a \"sweep\"; write export: MAPPING, sweep: incremental or sweep: full");
    }
    if (exported) backfill.export_mapping = *exported;
    if (sweep) {
      backfill.kind = *sweep == "full" ? BackfillConfig::Kind::kFullSweep : BackfillConfig::Kind::kIncrementalSweep;
      if (*sweep != "full" && *sweep != "incremental") {
        context.problems.Error(fields.Take("sweep")->place,
                               fmt::format("unknown sweep \"{}\"{}", *sweep, Suggestion(*sweep, {"incremental", "full"})));
      }
    }
    if (auto schedule = fields.RequiredText("schedule", "write five cron fields, as in \"0 3 * * *\"")) {
      if (const auto cron = sync::Cron::Parse(*schedule); !cron) Tell(fields, "schedule", cron.error());
      backfill.schedule = std::move(*schedule);
    }
    if (auto timezone = fields.Text("timezone")) {
      if (const auto zone = sync::TimeZone::Named(*timezone); !zone) Tell(fields, "timezone", zone.error());
      backfill.timezone = std::move(*timezone);
    }
    fields.Read("jitter", backfill.jitter);
    ReadExportOptions(fields, backfill);
    fields.Done();
    config.backfill.push_back(std::move(backfill));
  }
}

}  // namespace membridge::admin
