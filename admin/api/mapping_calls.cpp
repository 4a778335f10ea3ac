// The configured mappings: what check says of them now, and what a memory would change.
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "admin/api/parts.hpp"
#include "admin/mapping_set.hpp"
#include "admin/preview.hpp"
#include "admin/target_catalogs.hpp"
#include "sync/apply/plan_text.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;

/// Mapping files as they are on disk at this moment, checked against their tables as those are.
struct Checked {
  std::vector<ConfiguredMapping> mappings;  ///< without those that cannot be read
  std::map<std::string, mappings::Catalog> catalogs;
  mappings::Diagnostics problems;
};

tl::expected<Checked, Problem> Check(const Config& config, const Databases& databases) {
  Checked checked;
  checked.mappings = LoadMappings(config, checked.problems);
  auto catalogs = ReadCatalogs(config, databases, checked.mappings);
  if (!catalogs) return Refuse(catalogs.error());
  checked.catalogs = std::move(*catalogs);
  CheckMappings(checked.mappings, checked.catalogs, checked.problems);
  return checked;
}

std::string NameOf(const MappingConfig& mapping) {
  return std::filesystem::path{mapping.file}.stem().string();
}

const ConfiguredMapping* LoadedOf(const Checked& checked, const MappingConfig& mapping) {
  for (const ConfiguredMapping& each : checked.mappings) {
    if (each.mapping->file == mapping.file && each.target == mapping.target && each.project == mapping.project) return &each;
  }
  return nullptr;
}

/// Digests of the mappings in force, of every kind.
std::set<std::string> DigestsInForce(const sync::MappingSet& set) {
  std::set<std::string> digests;
  for (const auto& [ignored, project] : set.projects) {
    for (const auto& target : project.targets) {
      for (const auto& applier : target.appliers) digests.insert(applier->Definition().digest);
      for (const auto& applier : target.events) digests.insert(applier->Definition().digest);
      for (const auto& each : target.exports) digests.insert(each.applier->Definition().digest);
    }
  }
  return digests;
}

const char* NameOf(mappings::Mapping::From from) {
  switch (from) {
    case mappings::Mapping::From::kMemory:
      return "memory";
    case mappings::Mapping::From::kExport:
      return "export";
    case mappings::Mapping::From::kEvent:
      return "event";
  }
  return "memory";
}

/// What list and detail have in common.
ordered_json Head(const MappingConfig& configured, const ConfiguredMapping* loaded, const std::set<std::string>& in_force) {
  std::set<std::string> tables;
  if (loaded != nullptr) {
    for (const mappings::Row& row : loaded->mapping->rows) tables.insert(row.TableName());
  }
  return {{"name", NameOf(configured)},
          {"file", configured.file},
          {"from", loaded != nullptr ? ordered_json(NameOf(loaded->mapping->from)) : ordered_json(nullptr)},
          {"project", configured.project ? ordered_json(configured.project->Text()) : ordered_json(nullptr)},
          {"target", configured.target},
          {"tables", tables},
          {"in_force", loaded != nullptr && in_force.contains(loaded->mapping->digest)}};
}

std::map<std::string, std::int64_t> ParkedByMapping(Call& call) {
  sync::postgres::Transaction transaction = call.Begin();
  const auto rows = transaction.Run("SELECT mapping, count(*) FROM membridge.parked GROUP BY mapping");
  std::map<std::string, std::int64_t> counts;
  for (std::size_t row = 0; row < rows.size(); ++row) counts[std::string{rows.Text(row, 0)}] = rows.Int(row, 1);
  return counts;
}

Answer List(Call& call, const Parts& parts) {
  const auto checked = Check(parts.config, parts.databases);
  if (!checked) return tl::unexpected<Problem>(checked.error());
  const auto in_force = DigestsInForce(*parts.mappings());
  const auto parked = ParkedByMapping(call);
  ordered_json list = ordered_json::array();
  for (const MappingConfig& configured : parts.config.mappings) {
    ordered_json view = Head(configured, LoadedOf(*checked, configured), in_force);
    std::size_t errors = 0;
    std::size_t warnings = 0;
    for (const auto& problem : checked->problems.Sorted()) {
      if (problem.place.file == configured.file) ++(problem.severity == mappings::Severity::kError ? errors : warnings);
    }
    view["errors"] = errors;
    view["warnings"] = warnings;
    const auto count = parked.find(NameOf(configured));
    view["parked"] = count == parked.end() ? 0 : count->second;
    list.push_back(std::move(view));
  }
  return ordered_json{{"mappings", std::move(list)}};
}

/// The mapping a request means.
tl::expected<const MappingConfig*, Problem> Choose(const Config& config, const std::string& name,
                                                   const std::optional<std::string>& project) {
  const MappingConfig* chosen = nullptr;
  for (const MappingConfig& mapping : config.mappings) {
    if (NameOf(mapping) != name || (project && mapping.project && mapping.project->Text() != *project)) continue;
    if (chosen != nullptr) return RefuseField("project", "is needed: mappings of several projects have this name");
    chosen = &mapping;
  }
  if (chosen == nullptr)
    return Refuse(404, "not_found", "the configuration has no such mapping", "GET /api/v1/mappings lists them");
  return chosen;
}

std::string TextOfFile(const std::string& file) {
  std::ifstream stream{file};
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

Answer Read(Call& call, const Parts& parts) {
  const auto chosen = Choose(parts.config, call.Path("mapping"), call.Query("project"));
  if (!chosen) return tl::unexpected<Problem>(chosen.error());
  // All of them are checked: two mappings on one cell are a problem of both.
  const auto checked = Check(parts.config, parts.databases);
  if (!checked) return tl::unexpected<Problem>(checked.error());
  const ConfiguredMapping* loaded = LoadedOf(*checked, **chosen);
  ordered_json view = Head(**chosen, loaded, DigestsInForce(*parts.mappings()));
  view["digest"] = loaded != nullptr ? loaded->mapping->digest : "";
  view["source"] = TextOfFile((*chosen)->file);
  ordered_json problems = ordered_json::array();
  for (const auto& problem : checked->problems.Sorted()) {
    if (problem.place.file != (*chosen)->file) continue;
    problems.push_back({{"file", problem.place.file},
                        {"line", problem.place.line},
                        {"column", problem.place.column},
                        {"severity", problem.severity == mappings::Severity::kError ? "error" : "warning"},
                        {"message", problem.message}});
  }
  view["problems"] = std::move(problems);
  return view;
}

/// The project a preview is for: named, the mapping's own, or the only one.
tl::expected<ProjectId, Problem> ProjectFor(const Call& call, const Parts& parts, const MappingConfig& mapping) {
  if (const auto named = Call::Given<ProjectId>(call.body, "project")) return *named;
  if (mapping.project) return *mapping.project;
  if (parts.config.projects.size() == 1) return parts.config.projects.front().id;
  return RefuseField("project", "is needed: the mapping serves several");
}

tl::expected<sync::Source, Problem> FromRecord(const nlohmann::json& record, const ProjectId& project, Instant now) {
  const auto memory = mappings::ReadMemory(record);
  if (!memory) return RefuseField("record", "is no memory as Mem0 answers it: " + memory.error().message);
  return PlannedSource(project, *memory, now);
}

tl::expected<sync::Source, Problem> FromMirror(Call& call, const ProjectId& project, const MemoryId& memory) {
  const auto rows =
      call.Begin().Run("SELECT record FROM membridge.memories WHERE bucket = $1 AND project = $2 AND memory_id = $3",
                       {std::to_string(sync::BucketOf(project, memory)), project.Text(), memory.Text()});
  if (rows.empty()) return Refuse(404, "not_found", "the mirror has no such memory", "read it from mem0");
  if (rows.IsNull(0, 0)) return PlannedAbsence(project, memory, call.now);
  return FromRecord(nlohmann::json::parse(rows.Text(0, 0)), project, call.now);
}

tl::expected<sync::Source, Problem> FromMem0(const Parts& parts, const ProjectId& project, const MemoryId& memory, Instant now) {
  auto client = parts.Mem0For(project);
  if (!client) return tl::unexpected<Problem>(client.error());
  const auto read = (*client)->ReadOne(memory);
  if (read) return PlannedSource(project, *read, now);
  if (read.error().code == ErrorCode::kNotFound) return PlannedAbsence(project, memory, now);
  return RefuseFromMem0(read.error(), **client);
}

tl::expected<sync::Source, Problem> SourceFor(Call& call, const Parts& parts, const ProjectId& project) {
  const bool is_pasted = call.body.contains("record");
  if (is_pasted == call.body.contains("memory")) return RefuseField("memory", "or record is needed, and not both");
  if (is_pasted) return FromRecord(call.body["record"], project, call.now);
  const MemoryId memory{call.body["memory"].get<std::string>()};
  if (call.body.value("read", "mem0") == "mirror") return FromMirror(call, project, memory);
  return FromMem0(parts, project, memory, call.now);
}

ordered_json ViewOf(const Preview& preview, const sync::Source& source, const std::string& file) {
  ordered_json view = sync::PlanJson(source.id, file, preview.outcome);
  view["project"] = source.project.Text();
  ordered_json rows = ordered_json::array();
  for (const ChangedRow& row : preview.rows) {
    rows.push_back({{"table", row.table}, {"identity", row.identity}, {"before", row.before}, {"after", row.after}});
  }
  view["rows"] = std::move(rows);
  if (!view.contains("parked")) view["parked"] = nullptr;
  view["text"] = sync::PlanText(source.id, file, preview.outcome);
  return view;
}

Answer ShowPreview(Call& call, const Parts& parts) {
  const auto named = Call::Given<std::string>(call.body, "project");
  if (named && parts.config.FindProject(ProjectId{*named}) == nullptr)
    return RefuseField("project", "is not in the configuration");
  const auto chosen = Choose(parts.config, call.Path("mapping"), named);
  if (!chosen) return tl::unexpected<Problem>(chosen.error());
  const auto project = ProjectFor(call, parts, **chosen);
  if (!project) return tl::unexpected<Problem>(project.error());
  Config narrowed = parts.config;
  narrowed.mappings = {**chosen};
  const auto checked = Check(narrowed, parts.databases);
  if (!checked) return tl::unexpected<Problem>(checked.error());
  if (checked->problems.HasErrors())
    return Refuse(409, "conflict", checked->problems.Sorted().front().Text(), "mend the mapping first");
  const ConfiguredMapping& loaded = checked->mappings.front();
  if (loaded.mapping->from != mappings::Mapping::From::kMemory)
    return Refuse(409, "conflict", "only a mapping of memories can be previewed");
  const auto source = SourceFor(call, parts, *project);
  if (!source) return tl::unexpected<Problem>(source.error());
  const auto catalog = std::make_shared<const mappings::Catalog>(checked->catalogs.at(loaded.target));
  const sync::Applier applier{loaded.mapping, catalog};
  sync::postgres::Session target{parts.databases.DsnOf(*parts.config.FindTarget(loaded.target)), "membridge admin"};
  return ViewOf(PreviewOf(target, applier, *catalog, *source, call.now), *source, loaded.mapping->file);
}

}  // namespace

void AddMappingCalls(Handlers& handlers, const Parts& parts) {
  handlers["listMappings"] = [&parts](Call& call) { return List(call, parts); };
  handlers["readMapping"] = [&parts](Call& call) { return Read(call, parts); };
  handlers["previewMapping"] = [&parts](Call& call) { return ShowPreview(call, parts); };
}

}  // namespace membridge::admin::api
