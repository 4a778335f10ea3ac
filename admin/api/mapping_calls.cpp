// Operations that show the mappings in force: their problems now, and whether their files on disk differ.
#include <set>

#include "admin/api/checked_now.hpp"
#include "mappings/base/digest.hpp"
#include "mappings/check/category_use.hpp"
#include "mappings/files/loader.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;

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

/// Returns all problems of the refused files. Files take over all together, so the cause may be in another file.
ordered_json RefusedView(const std::optional<RefusedMappings>& refused) {
  if (!refused) return nullptr;
  return {{"at", FormatRfc3339(refused->at)}, {"problems", ProblemsView(refused->problems)}};
}

/// Returns how the file on disk differs from the mapping in force.
const char* OnDisk(const std::optional<std::string>& text, const mappings::Mapping& mapping, const Checked& checked) {
  if (text == mapping.text) return "same";
  return checked.now.refused ? "refused" : "differs";
}

/// Returns the fields that list and detail have in common.
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

ordered_json CategoriesView(const mappings::Mapping& mapping) {
  ordered_json categories = ordered_json::array();
  for (const mappings::CategoryUse& use : CategoriesIn(mapping))
    categories.push_back({{"category", use.category}, {"line", use.place.line}});
  return categories;
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
    view["categories"] = CategoriesView(*each.mapping);
    view["warnings"] = warnings;
    view["on_disk"] = OnDisk(mappings::ReadMappingFile(each.mapping->file), *each.mapping, *checked);
    const auto count = parked.find(each.mapping->name);
    view["parked"] = count == parked.end() ? 0 : count->second;
    list.push_back(std::move(view));
  }
  return ordered_json{{"mappings", std::move(list)}, {"refused", RefusedView(checked->now.refused)}};
}

Answer ReadMapping(Call& call, const Parts& parts) {
  // Check all mappings, because two mappings on one cell are a problem of both.
  const auto checked = Check(parts);
  if (!checked) return tl::unexpected<Problem>(checked.error());
  const auto chosen = Choose(*checked, call.Path("mapping"), call.Query("project"));
  if (!chosen) return tl::unexpected<Problem>(chosen.error());
  const mappings::Mapping& mapping = *(*chosen)->mapping;
  const auto text = mappings::ReadMappingFile(mapping.file);
  ordered_json view = Head(**chosen);
  view["digest"] = mapping.digest;
  view["source"] = mapping.text;
  view["problems"] = ProblemsView(ProblemsIn(mapping.file, checked->problems));
  view["on_disk"] = OnDisk(text, mapping, *checked);
  view["file_digest"] = text ? ordered_json(mappings::Sha256Hex(*text)) : ordered_json(nullptr);
  view["may_be_saved"] = parts.config.save_mappings;
  view["source_on_disk"] = text && *text != mapping.text ? ordered_json(*text) : ordered_json(nullptr);
  view["refused"] = RefusedView(checked->now.refused);
  return view;
}

}  // namespace

void AddMappingCalls(Handlers& handlers, const Parts& parts) {
  handlers["listMappings"] = [&parts](Call& call) { return ListMappings(call, parts); };
  handlers["readMapping"] = [&parts](Call& call) { return ReadMapping(call, parts); };
}

}  // namespace membridge::admin::api
