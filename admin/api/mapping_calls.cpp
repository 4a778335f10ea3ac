// The mappings in force: what check says of them now, how their files stand on disk, and what a memory would change.
#include <set>

#include "admin/api/call_session.hpp"
#include "admin/api/context.hpp"
#include "admin/mapping_files/target_catalogs.hpp"
#include "admin/shown/preview.hpp"
#include "mappings/base/exact_json.hpp"
#include "mappings/files/loader.hpp"
#include "sync/explain/plan_text.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;

/// The mappings in force, checked against their tables as those are at this moment.
struct Checked {
  MappingsInForce now;
  mappings::Diagnostics problems;

  const std::vector<ConfiguredMapping>& Mappings() const { return now.checked->configured; }
};

tl::expected<Checked, Problem> Check(const Parts& parts) {
  Checked checked{parts.mappings(), {}};
  const auto catalogs = ReadCatalogs(parts.config, parts.databases, checked.Mappings());
  if (!catalogs) return Refuse(catalogs.error());
  CheckMappings(checked.Mappings(), *catalogs, checked.problems);
  return checked;
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

ordered_json MappingViewOf(const mappings::Diagnostics& problems) {
  ordered_json view = ordered_json::array();
  for (const auto& problem : problems.Sorted()) {
    view.push_back({{"file", problem.place.file},
                    {"line", problem.place.line},
                    {"column", problem.place.column},
                    {"severity", problem.severity == mappings::Severity::kError ? "error" : "warning"},
                    {"message", problem.message}});
  }
  return view;
}

/// All that was found: files take over as a whole, so that the cause may stand in another one.
ordered_json MappingViewOf(const std::optional<RefusedMappings>& refused) {
  if (!refused) return nullptr;
  return {{"at", FormatRfc3339(refused->at)}, {"problems", MappingViewOf(refused->problems)}};
}

mappings::Diagnostics ProblemsIn(const std::string& file, const mappings::Diagnostics& problems) {
  mappings::Diagnostics own;
  for (const auto& problem : problems.Sorted()) {
    if (problem.place.file != file) continue;
    problem.severity == mappings::Severity::kError ? own.Error(problem.place, problem.message)
                                                   : own.Warn(problem.place, problem.message);
  }
  return own;
}

/// How the file on disk stands to the mapping in force.
const char* OnDisk(const std::optional<std::string>& text, const mappings::Mapping& mapping, const Checked& checked) {
  if (text == mapping.text) return "same";
  return checked.now.refused ? "refused" : "differs";
}

/// What list and detail have in common.
ordered_json Head(const ConfiguredMapping& each) {
  std::set<std::string> tables;
  for (const mappings::Row& row : each.mapping->rows) tables.insert(row.TableName());
  return {{"name", each.mapping->name},
          {"file", each.mapping->file},
          {"from", NameOf(each.mapping->from)},
          {"project", each.project ? ordered_json(each.project->Text()) : ordered_json(nullptr)},
          {"target", each.target},
          {"tables", tables}};
}

std::map<std::string, std::int64_t> ParkedByMapping(Call& call) {
  sync::postgres::Transaction transaction = call.Begin();
  const auto rows = transaction.Run("SELECT mapping, count(*) FROM membridge.parked GROUP BY mapping");
  std::map<std::string, std::int64_t> counts;
  for (std::size_t row = 0; row < rows.size(); ++row) counts[std::string{rows.Text(row, 0)}] = rows.Int(row, 1);
  return counts;
}

Answer ListMappings(Call& call, const Parts& parts) {
  const auto checked = Check(parts);
  if (!checked) return tl::unexpected<Problem>(checked.error());
  const auto parked = ParkedByMapping(call);
  ordered_json list = ordered_json::array();
  for (const ConfiguredMapping& each : checked->Mappings()) {
    ordered_json view = Head(each);
    std::size_t errors = 0;
    std::size_t warnings = 0;
    for (const auto& problem : ProblemsIn(each.mapping->file, checked->problems).Sorted())
      ++(problem.severity == mappings::Severity::kError ? errors : warnings);
    view["errors"] = errors;
    view["warnings"] = warnings;
    view["on_disk"] = OnDisk(mappings::ReadMappingFile(each.mapping->file), *each.mapping, *checked);
    const auto count = parked.find(each.mapping->name);
    view["parked"] = count == parked.end() ? 0 : count->second;
    list.push_back(std::move(view));
  }
  return ordered_json{{"mappings", std::move(list)}, {"refused", MappingViewOf(checked->now.refused)}};
}

/// The mapping a request means.
tl::expected<const ConfiguredMapping*, Problem> Choose(const Checked& checked, const std::string& name,
                                                       const std::optional<std::string>& project) {
  const ConfiguredMapping* chosen = nullptr;
  for (const ConfiguredMapping& each : checked.Mappings()) {
    if (each.mapping->name != name || (project && each.project && each.project->Text() != *project)) continue;
    if (chosen != nullptr) return RefuseField("project", "is needed: mappings of several projects have this name");
    chosen = &each;
  }
  if (chosen == nullptr)
    return Refuse(404, "not_found", "the configuration has no such mapping", "GET /api/v1/mappings lists them");
  return chosen;
}

Answer ReadMapping(Call& call, const Parts& parts) {
  // All of them are checked: two mappings on one cell are a problem of both.
  const auto checked = Check(parts);
  if (!checked) return tl::unexpected<Problem>(checked.error());
  const auto chosen = Choose(*checked, call.Path("mapping"), call.Query("project"));
  if (!chosen) return tl::unexpected<Problem>(chosen.error());
  const mappings::Mapping& mapping = *(*chosen)->mapping;
  const auto text = mappings::ReadMappingFile(mapping.file);
  ordered_json view = Head(**chosen);
  view["digest"] = mapping.digest;
  view["source"] = mapping.text;
  view["problems"] = MappingViewOf(ProblemsIn(mapping.file, checked->problems));
  view["on_disk"] = OnDisk(text, mapping, *checked);
  view["source_on_disk"] = text && *text != mapping.text ? ordered_json(*text) : ordered_json(nullptr);
  view["refused"] = MappingViewOf(checked->now.refused);
  return view;
}

/// The project a preview is for: named, the mapping's own, or the only one.
tl::expected<ProjectId, Problem> ProjectFor(const Call& call, const Parts& parts, const ConfiguredMapping& mapping) {
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
  return FromRecord(mappings::ParseExact(rows.Text(0, 0)), project, call.now);
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

ordered_json MappingViewOf(const Preview& preview, const sync::Source& source, const std::string& file) {
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

/// The one the workers use. There is one for every mapping and each of its projects.
const sync::Applier& ApplierOf(const sync::MappingSet& set, const ProjectId& project, const ConfiguredMapping& mapping) {
  for (const auto& target : set.Of(project).targets) {
    if (target.name != mapping.target) continue;
    for (const auto& applier : target.appliers) {
      if (applier->Definition().file == mapping.mapping->file && applier->Definition().digest == mapping.mapping->digest)
        return *applier;
    }
  }
  throw std::logic_error("a mapping in force is not applied");
}

/// Why a target did not let a preview come to its end. What it had done is rolled back.
tl::unexpected<Problem> RefusePreview(const sync::postgres::SqlFailure& failure, const std::string& target) {
  if (!failure.IsTransient())
    return Refuse(409, "conflict", "target " + target + " refused: " + std::string{failure.what()}, "see membridge check");
  const std::string& sqlstate = failure.fields().sqlstate;
  if (sqlstate == "55P03" || sqlstate == "40P01")
    return RefuseLocked("target " + target + ": another session holds a lock on a row or table that the preview needs");
  const bool was_cut_off = sqlstate == "57014";
  auto refusal =
      Refuse(503, "unavailable", "target " + target + (was_cut_off ? " took too long" : " is away"), "try again shortly");
  refusal.value().retry_after = "5";
  return refusal;
}

Answer ShowPreview(Call& call, const Parts& parts) {
  const auto named = Call::Given<std::string>(call.body, "project");
  if (named && parts.config.FindProject(ProjectId{*named}) == nullptr)
    return RefuseField("project", "is not in the configuration");
  const auto checked = Check(parts);
  if (!checked) return tl::unexpected<Problem>(checked.error());
  const auto chosen = Choose(*checked, call.Path("mapping"), named);
  if (!chosen) return tl::unexpected<Problem>(chosen.error());
  const mappings::Mapping& mapping = *(*chosen)->mapping;
  const auto project = ProjectFor(call, parts, **chosen);
  if (!project) return tl::unexpected<Problem>(project.error());
  if (const auto own = ProblemsIn(mapping.file, checked->problems); own.HasErrors())
    return Refuse(409, "conflict", own.Sorted().front().Text(), "mend the mapping first");
  if (mapping.from != mappings::Mapping::From::kMemory)
    return Refuse(409, "conflict", "only a mapping of memories can be previewed");
  const auto source = SourceFor(call, parts, *project);
  if (!source) return tl::unexpected<Problem>(source.error());
  const std::string& target_name = (*chosen)->target;
  const CheckedMappings& in_force = *checked->now.checked;
  const sync::Applier& applier = ApplierOf(*in_force.set, *project, **chosen);
  try {
    sync::postgres::Session target =
        OpenCallSession(parts.databases.DsnOf(*parts.config.FindTarget(target_name)), sync::postgres::SearchPath::kRoles);
    const Preview preview =
        PreviewOf(target, applier, in_force.catalogs.at(target_name), *source, call.now, parts.preview_patience);
    return MappingViewOf(preview, *source, mapping.file);
  } catch (const sync::postgres::SqlFailure& failure) {
    return RefusePreview(failure, target_name);
  }
}

}  // namespace

void AddMappingCalls(Handlers& handlers, const Parts& parts) {
  handlers["listMappings"] = [&parts](Call& call) { return ListMappings(call, parts); };
  handlers["readMapping"] = [&parts](Call& call) { return ReadMapping(call, parts); };
  handlers["previewMapping"] = [&parts](Call& call) { return ShowPreview(call, parts); };
}

}  // namespace membridge::admin::api
