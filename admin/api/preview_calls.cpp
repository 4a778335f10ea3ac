// Operations that show what a memory would change under a mapping in force or a draft of one. They write nothing.
#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "admin/api/call_session.hpp"
#include "admin/api/checked_now.hpp"
#include "admin/mapping_files/mapping_saving.hpp"
#include "admin/mapping_files/target_catalogs.hpp"
#include "admin/shown/preview.hpp"
#include "mappings/base/digest.hpp"
#include "mappings/base/exact_json.hpp"
#include "mappings/files/loader.hpp"
#include "sync/explain/plan_text.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;

/// Returns the mapping that the path names, of the project that the body names.
tl::expected<const ConfiguredMapping*, Problem> MappingOf(const Call& call, const Parts& parts, const Checked& checked) {
  const auto named = Call::Given<std::string>(call.body, "project");
  if (named && parts.config.FindProject(ProjectId{*named}) == nullptr)
    return RefuseField("project", "is not in the configuration");
  return Choose(checked, call.Path("mapping"), named);
}

/// Returns the project of a preview: the named one, the mapping's own, or the only one.
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
  if (auto known = ProjectOf(parts.config, project.Text()); !known) return tl::unexpected<Problem>(known.error());
  const auto records = parts.mem0.RecordsFor(project, Mem0Clients::Urgency::kInteractive);
  const auto read = records->ReadOne(memory);
  if (read) return PlannedSource(project, *read, now);
  if (read.error().code == ErrorCode::kNotFound) return PlannedAbsence(project, memory, now);
  return RefuseFromMem0(read.error(), {});
}

tl::expected<sync::Source, Problem> SourceFor(Call& call, const Parts& parts, const ProjectId& project) {
  const bool is_pasted = call.body.contains("record");
  if (is_pasted == call.body.contains("memory")) return RefuseField("memory", "or record is needed, and not both");
  if (is_pasted) return FromRecord(call.body["record"], project, call.now);
  const MemoryId memory{call.body["memory"].get<std::string>()};
  if (call.body.value("read", "mem0") == "mirror") return FromMirror(call, project, memory);
  return FromMem0(parts, project, memory, call.now);
}

ordered_json PreviewView(const Preview& preview, const sync::Source& source, const std::string& file) {
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

/// Returns the applier that the workers use. There is one for every mapping and each of its projects.
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

/// Returns why a preview failed in the target. Its changes are rolled back.
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

/// Applies the source in a transaction that is rolled back, and returns what it would change.
Answer PreviewIn(const Parts& parts, const std::string& target_name, const sync::Applier& applier,
                 const mappings::Catalog& catalog, const sync::Source& source, Instant now) {
  try {
    sync::postgres::Session target =
        OpenCallSession(parts.databases.DsnOf(*parts.config.FindTarget(target_name)), sync::postgres::SearchPath::kRoles);
    const Preview preview = PreviewOf(target, applier, catalog, source, now, parts.preview_patience);
    return PreviewView(preview, source, applier.Definition().file);
  } catch (const sync::postgres::SqlFailure& failure) {
    return RefusePreview(failure, target_name);
  }
}

Answer ShowPreview(Call& call, const Parts& parts) {
  const auto checked = Check(parts);
  if (!checked) return tl::unexpected<Problem>(checked.error());
  const auto chosen = MappingOf(call, parts, *checked);
  if (!chosen) return tl::unexpected<Problem>(chosen.error());
  const mappings::Mapping& mapping = *(*chosen)->mapping;
  const auto project = ProjectFor(call, parts, **chosen);
  if (!project) return tl::unexpected<Problem>(project.error());
  if (const auto own = ProblemsIn(mapping.file, checked->problems); own.HasErrors())
    return Refuse(409, "conflict", own.Sorted().front().Text(), "fix the mapping first");
  if (mapping.from != mappings::Mapping::From::kMemory)
    return Refuse(409, "conflict", "only a mapping of memories can be previewed");
  const auto source = SourceFor(call, parts, *project);
  if (!source) return tl::unexpected<Problem>(source.error());
  const CheckedMappings& in_force = *checked->now.checked;
  return PreviewIn(parts, (*chosen)->target, ApplierOf(*in_force.set, *project, **chosen),
                   in_force.catalogs.at((*chosen)->target), *source, call.now);
}

/// Returns the configuration's entry for the mapping's file.
const MappingConfig& EntryOf(const Config& config, const ConfiguredMapping& mapping) {
  for (const MappingConfig& entry : config.mappings) {
    if (entry.file == mapping.mapping->file && entry.project == mapping.project && entry.target == mapping.target) return entry;
  }
  throw std::logic_error("a mapping in force is not in the configuration");
}

struct CheckedDraft {
  std::shared_ptr<const mappings::Mapping> mapping;  ///< nullptr: the text has errors
  std::map<std::string, mappings::Catalog> catalogs;
  mappings::Diagnostics problems;  ///< only those of the draft
};

/// Checks the text in place of the file, together with the other mappings and against the current tables.
tl::expected<CheckedDraft, Problem> CheckDraft(const Parts& parts, const ConfiguredMapping& chosen, const std::string& text) {
  const std::string& file = chosen.mapping->file;
  CheckedDraft draft;
  auto loaded = mappings::LoadMapping(file, text, EntryOf(parts.config, chosen).vars, draft.problems);
  if (!loaded) return draft;
  draft.mapping = std::make_shared<const mappings::Mapping>(std::move(*loaded));
  std::vector<ConfiguredMapping> with_draft = parts.mappings().checked->configured;
  for (ConfiguredMapping& each : with_draft) {
    if (each.mapping->file == file && each.project == chosen.project && each.target == chosen.target)
      each.mapping = draft.mapping;
  }
  auto catalogs = ReadCatalogs(parts.config, parts.databases, with_draft);
  if (!catalogs) return Refuse(catalogs.error());
  draft.catalogs = std::move(*catalogs);
  mappings::Diagnostics all;
  CheckMappings(with_draft, draft.catalogs, all);
  for (const auto& problem : ProblemsIn(file, all).Sorted()) {
    if (problem.severity == mappings::Severity::kError) draft.problems.Error(problem.place, problem.message);
    if (problem.severity == mappings::Severity::kWarning) draft.problems.Warn(problem.place, problem.message);
  }
  return draft;
}

/// Answers with the problems of a mapping's text that is not saved, and with what a memory would change under it. Writes nothing.
Answer TryDraft(Call& call, const Parts& parts) {
  const Checked in_force{parts.mappings(), {}};
  const auto chosen = MappingOf(call, parts, in_force);
  if (!chosen) return tl::unexpected<Problem>(chosen.error());
  const auto draft = CheckDraft(parts, **chosen, call.body["source"].get<std::string>());
  if (!draft) return tl::unexpected<Problem>(draft.error());
  ordered_json answer{{"problems", ProblemsView(draft->problems)}, {"preview", nullptr}};
  const bool wants_preview = call.body.contains("memory") || call.body.contains("record");
  if (!wants_preview || draft->problems.HasErrors() || draft->mapping->from != mappings::Mapping::From::kMemory) return answer;
  const auto project = ProjectFor(call, parts, **chosen);
  if (!project) return tl::unexpected<Problem>(project.error());
  const auto source = SourceFor(call, parts, *project);
  if (!source) return tl::unexpected<Problem>(source.error());
  const auto catalog = std::make_shared<const mappings::Catalog>(draft->catalogs.at((*chosen)->target));
  const sync::Applier applier{draft->mapping, catalog};
  auto preview = PreviewIn(parts, (*chosen)->target, applier, *catalog, *source, call.now);
  if (!preview) return preview;
  answer["preview"] = std::move(*preview);
  return answer;
}

/// Returns the first error of the text for any mapping that its file stands for.
tl::expected<std::optional<std::string>, Problem> ErrorIn(const Parts& parts, const std::string& file, const std::string& text) {
  const auto in_force = parts.mappings().checked;
  for (const ConfiguredMapping& each : in_force->configured) {
    if (each.mapping->file != file) continue;
    const auto draft = CheckDraft(parts, each, text);
    if (!draft) return tl::unexpected<Problem>(draft.error());
    for (const auto& problem : draft->problems.Sorted()) {
      if (problem.severity == mappings::Severity::kError) return problem.Text();
    }
  }
  return std::nullopt;
}

/// Puts a draft in the place of the mapping's file. The bridge takes it over as any other change of the file.
Answer SaveDraft(Call& call, const Parts& parts) {
  if (!parts.config.save_mappings)
    return Refuse(409, "conflict", "drafts are not saved here: admin.save_mappings is off",
                  "download the draft, or set admin: {save_mappings: true}");
  const Checked in_force{parts.mappings(), {}};
  const auto chosen = MappingOf(call, parts, in_force);
  if (!chosen) return tl::unexpected<Problem>(chosen.error());
  const std::string file = (*chosen)->mapping->file;
  const auto text = call.body["source"].get<std::string>();
  const auto before = call.body["file_digest"].get<std::string>();
  call.object = call.Path("mapping");
  call.detail = {
      {"file", std::filesystem::path{file}.filename().string()}, {"before", before}, {"after", mappings::Sha256Hex(text)}};
  const auto error = ErrorIn(parts, file, text);
  if (!error) return tl::unexpected<Problem>(error.error());
  if (*error) return Refuse(409, "conflict", **error, "fix the draft first; nothing was saved");
  if (const auto saved = SaveMappingFile(file, text, before); !saved) return Refuse(saved.error());
  return ordered_json{{"mapping", call.object}, {"file", file}, {"file_digest", call.detail["after"]}};
}

}  // namespace

void AddPreviewCalls(Handlers& handlers, const Parts& parts) {
  handlers["previewMapping"] = [&parts](Call& call) { return ShowPreview(call, parts); };
  handlers["saveDraft"] = [&parts](Call& call) { return SaveDraft(call, parts); };
  handlers["tryDraft"] = [&parts](Call& call) { return TryDraft(call, parts); };
}

}  // namespace membridge::admin::api
