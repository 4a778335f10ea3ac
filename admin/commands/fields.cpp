#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "admin/commands/command.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "admin/shown/table.hpp"
#include "sync/mem0/filters.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

struct FieldsOptions {
  std::shared_ptr<CommonOptions> common;
  std::string project;
  std::size_t limit = 10'000;
};

constexpr std::size_t kPageOfRecords = 500;
constexpr std::size_t kValuesRemembered = 200;  ///< per field, to count the different values
constexpr int kDeepest = 4;

/// One field of memories: how often it is present and with which types.
struct FieldSeen {
  std::size_t memories = 0;
  std::map<std::string, std::size_t> types;
  std::set<std::string> shapes;
  std::set<std::size_t> values;  // hashes
};

/// Returns the form of a value without its content: letters become a, digits become 9, and a long value is cut.
std::string ShapeOf(const json& value) {
  if (value.is_boolean()) return "true or false";
  if (!value.is_string()) return value.is_number() ? "a number" : "";
  std::string shape;
  for (const char c : value.get<std::string>()) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) == 0x80U) continue;
    const char shown = byte >= 0x80U || (c >= 'a' && c <= 'z') ? 'a'
                       : c >= 'A' && c <= 'Z'                  ? 'A'
                       : c >= '0' && c <= '9'                  ? '9'
                                                               : c;
    if (static_cast<unsigned char>(shown) < 0x20U) continue;
    if (shape.size() >= 2 && shape.back() == shown && shape[shape.size() - 2] == shown)
      continue;  // show at most two equal characters in a row
    shape += shown;
    if (shape.size() > 24) return shape + "…";
  }
  return shape;
}

std::string TypeOf(const json& value) {
  if (value.is_number_integer()) return "integer";
  if (value.is_number()) return "number";
  if (value.is_string()) return "text";
  return value.type_name();
}

class FieldCensus {
 public:
  void Add(const json& record) {
    ++memories_;
    for (const char* owner : {"user_id", "agent_id", "app_id", "run_id"}) {
      if (!record.contains(owner) || !record[owner].is_string()) continue;
      ++owners_[owner];
      See(std::string{"memory."} + owner, record[owner]);
    }
    if (record.contains("categories") && record["categories"].is_array()) {
      for (const auto& category : record["categories"]) {
        if (category.is_string()) ++categories_[category.get<std::string>()];
      }
    }
    if (record.contains("metadata") && record["metadata"].is_object()) Walk("memory.metadata", record["metadata"], 0);
  }

  ordered_json Json() const {
    ordered_json fields = ordered_json::array();
    for (const auto& [name, seen] : fields_) {
      ordered_json types;
      for (const auto& [type, count] : seen.types) types[type] = count;
      fields.push_back({{"field", name},
                        {"memories", seen.memories},
                        {"share", Share(seen.memories)},
                        {"types", std::move(types)},
                        {"different_values", seen.values.size()},
                        {"shapes", seen.shapes}});
    }
    ordered_json categories = ordered_json::array();
    for (const auto& [name, count] : ByCount()) categories.push_back({{"category", name}, {"memories", count}});
    ordered_json owners;
    for (const auto& [name, count] : owners_) owners[name] = count;
    return {{"memories", memories_},
            {"belong_to", std::move(owners)},
            {"categories", std::move(categories)},
            {"fields", std::move(fields)}};
  }

  std::string Text(bool coloured) const {
    std::string text = fmt::format("{} looked at\n", Counted(memories_, "memory", "memories"));
    for (const auto& [name, count] : owners_) text += fmt::format("  {:>3.0f}% have {}\n", 100 * Share(count), name);
    if (!categories_.empty()) {
      TextTable table{{"CATEGORY", "MEMORIES"}};
      for (const auto& [name, count] : ByCount()) table.Add({name, std::to_string(count)});
      text += "\n" + table.Text(coloured);
    } else {
      text += "\nno memory has a category\n";
    }
    const bool has_metadata = std::any_of(fields_.begin(), fields_.end(),
                                          [](const auto& field) { return field.first.starts_with("memory.metadata."); });
    if (!has_metadata) text += "\nno memory has metadata\n";
    if (fields_.empty()) return text;
    TextTable table{{"FIELD", "COVERAGE", "TYPES", "VALUES", "LOOKS LIKE"}};
    for (const auto& [name, seen] : fields_) {
      std::vector<std::string> types;
      for (const auto& [type, count] : seen.types) types.push_back(type);
      const bool many = seen.values.size() >= kValuesRemembered;
      table.Add({"$" + name, fmt::format("{:.0f}%", 100 * Share(seen.memories)), fmt::format("{}", fmt::join(types, ", ")),
                 fmt::format("{}{}", many ? "over " : "", seen.values.size()), fmt::format("{}", fmt::join(seen.shapes, "  "))});
    }
    return text + "\n" + table.Text(coloured);
  }

 private:
  double Share(std::size_t count) const {
    return memories_ == 0 ? 0 : static_cast<double>(count) / static_cast<double>(memories_);
  }

  void See(const std::string& path, const json& value) {
    FieldSeen& seen = fields_[path];
    ++seen.memories;
    ++seen.types[TypeOf(value)];
    if (const std::string shape = ShapeOf(value); !shape.empty() && seen.shapes.size() < 3) seen.shapes.insert(shape);
    if (seen.values.size() < kValuesRemembered)
      seen.values.insert(std::hash<std::string>{}(value.dump(-1, ' ', false, json::error_handler_t::replace)));
  }

  void Walk(const std::string& name, const json& object, int depth) {
    for (const auto& [key, value] : object.items()) {
      const std::string path = fmt::format("{}.{}", name, key);
      See(path, value);
      if (value.is_object() && depth < kDeepest) Walk(path, value, depth + 1);
    }
  }

  std::vector<std::pair<std::string, std::size_t>> ByCount() const {
    std::vector<std::pair<std::string, std::size_t>> sorted{categories_.begin(), categories_.end()};
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    return sorted;
  }

  std::size_t memories_ = 0;
  std::map<std::string, std::size_t> owners_;
  std::map<std::string, std::size_t> categories_;
  std::map<std::string, FieldSeen> fields_;
};

/// Reads the newest records of the mirror, page by page.
void ReadMirror(sync::postgres::Session& session, const std::string& project, std::size_t limit, FieldCensus& census) {
  std::string last;
  for (std::size_t read = 0; read < limit;) {
    const auto rows = session.Run(
        "SELECT memory_id, record FROM membridge.memories WHERE project = $1 AND memory_id > $2 AND record IS NOT NULL "
        "ORDER BY memory_id LIMIT $3::bigint",
        {project, last, std::to_string(std::min(kPageOfRecords, limit - read))});
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const auto record = json::parse(rows.Text(row, 1), nullptr, false);
      if (record.is_object()) census.Add(record);
      last = rows.Text(row, 0);
    }
    read += rows.size();
    if (rows.size() < kPageOfRecords) return;
  }
}

/// Reads a first page from Mem0 when the mirror has no memory of the project yet. Stores nothing.
Result<void> AskMem0(const ProjectConfig& project, sync::postgres::Session& session, FieldCensus& census) {
  const auto page = RecordsForCommand(project, session, 3)->ReadPage({});
  if (!page) return tl::unexpected<Error>(page.error());
  for (const auto& memory : page->memories) census.Add(memory.record);
  return {};
}

int ShowFields(const FieldsOptions& options, const Config& config, sync::postgres::Session& session, Console& console) {
  const auto projects = ProjectsMeant(config, options.project);
  if (!projects) return PrintUsageError(projects.error(), console);
  ordered_json all = ordered_json::array();
  for (const ProjectConfig* meant : *projects) {
    const ProjectConfig& project = *meant;
    FieldCensus census;
    ReadMirror(session, project.id.Text(), options.limit, census);
    const bool known = census.Json().at("memories").get<std::size_t>() > 0;
    if (!known) {
      if (const auto asked = AskMem0(project, session, census); !asked)
        return PrintError(Within(asked.error(), project.id.Text()).value(), console);
    }
    ordered_json one{{"project", project.id.Text()}, {"from", known ? "mirror" : "mem0"}};
    one.update(census.Json());
    all.push_back(std::move(one));
    if (!options.common->json)
      fmt::print(console.out, "project {}, from {}: {}", project.id.Text(), known ? "the mirror" : "a first page of Mem0",
                 census.Text(console.coloured));
  }
  if (options.common->json)
    fmt::print(console.out, "{}\n",
               ordered_json{{"projects", std::move(all)}}.dump(2, ' ', false, json::error_handler_t::replace));
  return kDone;
}

}  // namespace

void AddFields(CLI::App& app, Choice& choice) {
  auto options = std::make_shared<FieldsOptions>();
  CLI::App* command =
      app.add_subcommand("fields", "What memories hold: metadata with coverage, types and masked samples; categories; owners");
  options->common = AddConfigAndJsonOptions(*command);
  command->add_option("--project", options->project, "Only this project");
  command->add_option("--limit", options->limit, "Look at so many memories at most")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->callback([=, &choice] { choice = OnState(options, ShowFields); });
}

}  // namespace membridge::admin
