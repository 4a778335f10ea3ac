#include "mappings/files/loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "mappings/base/digest.hpp"
#include "mappings/evaluate.hpp"
#include "mappings/files/asked_fields.hpp"
#include "mappings/files/cases_reader.hpp"
#include "mappings/files/load_context.hpp"
#include "mappings/files/row_order.hpp"
#include "mappings/files/row_reader.hpp"
#include "mappings/files/scalar.hpp"
#include "mappings/files/value_reader.hpp"
#include "mappings/language/zone.hpp"

namespace membridge::mappings {
namespace {

using YamlKind = YamlNode::Kind;
using nlohmann::json;

const std::vector<std::string> kLoaderKeywords{"from", "when", "vars", "maps", "session", "ask", "rows", "tests"};

bool ExpectKind(const YamlNode& node, YamlKind kind, const std::string& message, Diagnostics& problems) {
  if (node.kind == kind) return true;
  problems.Error(node.place, fmt::format("{}, not {}", message, node.KindName()));
  return false;
}

void ReadFrom(const YamlNode& root, Mapping& mapping, Diagnostics& problems) {
  const auto* from = root.Find("from");
  if (from == nullptr || from->text == "memory") return;
  if (from->text == "export") {
    mapping.from = Mapping::From::kExport;
  } else if (from->text == "event") {
    mapping.from = Mapping::From::kEvent;
  } else {
    problems.Error(from->place,
                   fmt::format("\"from\" is memory, export or event{}", DidYouMean(from->text, {"memory", "export", "event"})));
  }
}

void ReadVars(const YamlNode& root, const std::map<std::string, std::string>& overrides, Mapping& mapping,
              Diagnostics& problems) {
  const auto* vars = root.Find("vars");
  if (vars != nullptr && ExpectKind(*vars, YamlKind::kMap, "\"vars\" is a map of constants", problems)) {
    for (const auto& [name, value] : vars->entries) {
      mapping.vars[name.text] = AsTyped(value);
      if (value.kind == YamlKind::kScalar && value.text.size() > 1 && value.text[0] == '$') {
        problems.Error(value.place, "a variable is a constant; expressions belong into rows");
      }
    }
  }
  std::vector<std::string> names;
  for (const auto& [name, value] : mapping.vars.items()) names.push_back(name);
  for (const auto& [name, text] : overrides) {
    if (mapping.vars.contains(name)) {
      mapping.vars[name] = TypedScalar(text, true);
    } else {
      problems.Error({mapping.file, 0, 0},
                     fmt::format("no variable \"{}\" to set from outside{}", name, DidYouMean(name, names)));
    }
  }
}

void ReadMaps(const YamlNode& root, Mapping& mapping, SharedLookups& lookups, Diagnostics& problems) {
  const auto* maps = root.Find("maps");
  if (maps == nullptr || !ExpectKind(*maps, YamlKind::kMap, "\"maps\" is a map of tables by name", problems)) return;
  for (const auto& [name, table] : maps->entries) {
    auto& lookup = mapping.maps[name.text];
    if (ExpectKind(table, YamlKind::kMap, fmt::format("the table \"{}\" is a map", name.text), problems)) {
      for (const auto& [key, value] : table.entries) lookup[key.text] = AsTyped(value);
    }
    lookups[name.text] = std::make_shared<const std::map<std::string, json>>(lookup);
  }
}

const std::vector<std::string> kSettings{"search_path", "role", "timezone"};

/// The bridge must know the session's zone, because it converts times for columns without a time zone.
void ReadTimezone(const ValueSpec& spec, const Place& place, LoadContext& context) {
  Scope scope;
  scope.Set("vars", &context.mapping.vars);
  const auto zone = TextOfSetting(spec, scope);
  if (!zone || zone->empty()) {
    context.problems.Error(place, "\"timezone\" has no value; write it as in Europe/Berlin");
  } else if (!IsTimeZone(*zone)) {
    context.problems.Error(place, fmt::format("there is no time zone \"{}\"{}; write one as in Europe/Berlin", *zone,
                                              DidYouMean(*zone, TimeZoneNames())));
  } else {
    context.mapping.timezone = *zone;
  }
}

void ReadSession(const YamlNode& root, LoadContext& context) {
  const auto* session = root.Find("session");
  if (session == nullptr || !ExpectKind(*session, YamlKind::kMap, "\"session\" is a map of settings", context.problems)) return;
  NamesHere here;
  here.data = false;  // one transaction writes many memories, so a setting cannot depend on one
  for (const auto& [name, value] : session->entries) {
    const bool known =
        std::find(kSettings.begin(), kSettings.end(), name.text) != kSettings.end() || name.text.find('.') != std::string::npos;
    if (!known) {
      context.problems.Error(
          name.place, fmt::format("\"{}\" is no setting of a session; use search_path, role, timezone, or a name with a dot{}",
                                  name.text, DidYouMean(name.text, kSettings)));
    }
    if (value.kind == YamlKind::kList || value.kind == YamlKind::kMap) {
      context.problems.Error(value.place, fmt::format("a setting is text, not {}", value.KindName()));
    } else if (auto spec = ReadValue(value, here, context)) {
      if (name.text == "timezone") {
        ReadTimezone(*spec, value.place, context);
      } else {
        context.mapping.session.emplace(name.text, std::move(*spec));
      }
    }
  }
}

/// Computes Mapping::digest. Comments, layout, the order of maps, and tests do not affect rows, so they are left out. The type of
/// a scalar and the values of variables are included.
std::string DigestOfRules(const YamlNode& root, const Mapping& mapping) {
  json rules = json::object();
  for (const auto& [key, value] : root.entries) {
    if (key.text == "tests" || key.text == "vars") continue;
    rules[key.text] = json::array({AsText(value), AsTyped(value)});
  }
  rules["from"] = static_cast<int>(mapping.from);
  rules["vars"] = mapping.vars;
  return Sha256Hex(rules.dump(-1, ' ', false, json::error_handler_t::replace));
}

void ReadMapping(const YamlSource& source, const std::map<std::string, std::string>& vars, Mapping& mapping,
                 Diagnostics& problems) {
  const YamlNode& root = source.Root();
  RefuseUnknownKeys(root, kLoaderKeywords, "keyword", problems);
  ReadFrom(root, mapping, problems);
  LoadContext context{source, problems, mapping, {}, {}, {}};
  ReadVars(root, vars, mapping, problems);
  ReadMaps(root, mapping, context.lookups, problems);
  ReadSession(root, context);
  ReadAsk(root, context);
  if (const auto* when = root.Find("when")) mapping.when = ReadConditions(*when, NamesHere{}, context);
  const auto* rows = root.Find("rows");
  if (rows == nullptr) {
    problems.Error(root.place, "a mapping needs \"rows\"");
  } else {
    context.row_names = CollectRowNames(*rows, problems);
    mapping.rows = InOrder(ReadRows(*rows, context), problems);
    if (mapping.rows.empty()) problems.Error(rows->place, "\"rows\" has no row");
  }
  RefuseUnusedFields(context);
  if (const auto* tests = root.Find("tests")) mapping.tests = ReadTests(*tests, problems);
  mapping.digest = DigestOfRules(root, mapping);
}

}  // namespace

std::optional<Mapping> LoadMapping(const std::string& file, const std::string& yaml,
                                   const std::map<std::string, std::string>& vars, Diagnostics& problems) {
  Diagnostics found;
  Mapping mapping;
  mapping.file = file;
  mapping.name = std::filesystem::path{file}.stem().string();
  mapping.text = yaml;
  if (const auto source = YamlSource::Parse(file, yaml, found)) {
    if (source->Root().kind == YamlKind::kMap) {
      ReadMapping(*source, vars, mapping, found);
    } else {
      found.Error({file, 1, 1}, fmt::format("a mapping is a map with \"rows\", not {}", source->Root().KindName()));
    }
  }
  problems.Append(found);
  if (found.HasErrors()) return std::nullopt;
  return mapping;
}

std::optional<Mapping> LoadMappingFile(const std::string& file, const std::map<std::string, std::string>& vars,
                                       Diagnostics& problems) {
  if (const auto text = ReadMappingFile(file)) return LoadMapping(file, *text, vars, problems);
  problems.Error({file, 0, 0}, "this file cannot be read; check its path and permissions");
  return std::nullopt;
}

std::optional<std::string> ReadMappingFile(const std::string& file) {
  std::error_code ignored;
  std::ifstream stream{file, std::ios::binary};
  if (!stream.is_open() || std::filesystem::is_directory(file, ignored)) return std::nullopt;
  std::string text(kLargestFile + 1, '\0');  // one byte more than allowed shows that the file is too large
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

}  // namespace membridge::mappings
