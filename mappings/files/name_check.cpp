#include "mappings/files/name_check.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace membridge::mappings {
namespace {

using From = Mapping::From;

/// The fields of a memory's record: those of Mem0's answers, in older API versions too, and those that the bridge adds.
const std::vector<std::string> kMemoryFields{"id",
                                             "memory",
                                             "text",
                                             "user_id",
                                             "agent_id",
                                             "app_id",
                                             "run_id",
                                             "session_id",
                                             "actor_id",
                                             "role",
                                             "metadata",
                                             "categories",
                                             "created_at",
                                             "updated_at",
                                             "hash",
                                             "owner",
                                             "organization",
                                             "expiration_date",
                                             "structured_attributes",
                                             "replaced_by",
                                             "synthesized",
                                             "immutable",
                                             "lifecycle_state",
                                             "score"};
/// The fields above that are single values, so a path cannot go on below them.
const std::vector<std::string> kMemoryTexts{
    "id",          "memory",      "text",      "user_id",         "agent_id",   "app_id", "run_id",
    "session_id",  "actor_id",    "role",      "created_at",      "updated_at", "hash",   "expiration_date",
    "replaced_by", "synthesized", "immutable", "lifecycle_state", "score"};
const std::vector<std::string> kTimeAttributes{"year",        "month",        "day",         "hour",    "minute",
                                               "day_of_week", "week_of_year", "day_of_year", "quarter", "is_weekend"};
const std::vector<std::string> kEventFields{"id", "type", "time", "project", "memory"};
/// The fields that the bridge adds to those under `ask`.
const std::vector<std::string> kExportFields{"id", "user_id", "agent_id", "app_id", "run_id", "completed_at"};

std::vector<std::string> KnownNames(const NamesHere& here, const LoadContext& context) {
  std::vector<std::string> names{"vars"};
  if (here.data) {
    const From from = context.mapping.from;
    if (from != From::kExport) names.emplace_back("memory");
    if (from == From::kExport) names.emplace_back("export");
    if (from == From::kEvent) names.emplace_back("event");
    names.emplace_back("now");
  } else if (here.now) {
    names.emplace_back("now");
  }
  if (here.item) names.emplace_back("item");
  if (here.row) names.emplace_back("row");
  if (here.rows) {
    for (const std::string& name : context.row_names) {
      if (name != here.own_name) names.push_back(name);
    }
  }
  return names;
}

/// Returns why a name that is known elsewhere is not known here; empty when the name is known nowhere.
std::string WhyNotHere(const std::string& name, const NamesHere& here) {
  if (here.now) return "the mark of a deleted row holds for every memory, so only now and vars are known here";
  if (!here.data) return "a setting holds for the whole transaction; only vars are known here";
  if (name == "memory") return "\"memory\" is not known under \"from: export\"; use \"export\"";
  if (name == "export") return "\"export\" is known under \"from: export\" only";
  if (name == "event") return "\"event\" is known under \"from: event\" only";
  if (name == "item") return "\"item\" is known in a row with \"each\" only";
  if (name == "row") return "\"row\" is known in \"set\", \"force\", \"new\" and \"touch\" only";
  if (name == here.own_name) return fmt::format("row \"{}\" uses itself; write $row for the row being written", name);
  return {};
}

void CheckField(const Path& path, const std::vector<std::string>& known, const std::string& message, Diagnostics& problems) {
  const auto* field = path.steps.empty() ? nullptr : std::get_if<std::string>(&path.steps.front());
  if (field == nullptr || std::find(known.begin(), known.end(), *field) != known.end()) return;
  problems.Error(path.place, fmt::format(fmt::runtime(message), *field) + DidYouMean(*field, known));
}

/// Reports a path that goes on below a single value.
void RefuseBelow(const Path& path, std::size_t depth, const std::string& what, Diagnostics& problems) {
  if (path.steps.size() > depth) problems.Error(path.place, what + " is a single value; there is nothing below it");
}

bool IsIn(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Checks a path into `memory`. All fields of the record are known except those inside `metadata`, which the application chooses.
void CheckMemoryPath(const Path& path, Diagnostics& problems) {
  CheckField(path, kMemoryFields, "memory has no \"{}\"", problems);
  if (path.steps.size() < 2) return;
  const auto* field = std::get_if<std::string>(&path.steps[0]);
  const auto* below = std::get_if<std::string>(&path.steps[1]);
  if (field == nullptr) return;
  if (IsIn(kMemoryTexts, *field)) {
    RefuseBelow(path, 1, "memory." + *field, problems);
  } else if (*field == "categories" && below == nullptr) {
    RefuseBelow(path, 2, "an element of memory.categories", problems);
  } else if (*field == "categories" && below != nullptr) {
    problems.Error(
        path.place,
        fmt::format("memory.categories is a list and has no \"{}\"; write memory.categories[0], or ask \"| has('{}')\"", *below,
                    *below));
  } else if (*field == "structured_attributes" && below != nullptr && !IsIn(kTimeAttributes, *below)) {
    problems.Error(path.place,
                   fmt::format("memory.structured_attributes has no \"{}\"{}", *below, DidYouMean(*below, kTimeAttributes)));
  }
}

/// Checks a path into `vars`: the variable must exist, and the path must fit its value.
void CheckVariable(const Path& path, const nlohmann::json& vars, Diagnostics& problems) {
  std::vector<std::string> names;
  for (const auto& [name, value] : vars.items()) names.push_back(name);
  CheckField(path, names, "no variable \"{}\"", problems);
  const auto* name = path.steps.empty() ? nullptr : std::get_if<std::string>(&path.steps[0]);
  if (name != nullptr && vars.contains(*name) && vars[*name].is_primitive()) RefuseBelow(path, 1, "vars." + *name, problems);
}

void CheckEventPath(const Path& path, Diagnostics& problems) {
  CheckField(path, kEventFields, "an event has no \"{}\"", problems);
  const auto* field = path.steps.empty() ? nullptr : std::get_if<std::string>(&path.steps[0]);
  if (field == nullptr || !IsIn(kEventFields, *field)) return;
  if (*field != "memory") return RefuseBelow(path, 1, "event." + *field, problems);
  Path inner = path;
  inner.steps.erase(inner.steps.begin());
  CheckMemoryPath(inner, problems);
}

void CheckExportPath(const Path& path, const std::vector<std::string>& asked, Diagnostics& problems) {
  std::vector<std::string> fields = asked;
  fields.insert(fields.end(), kExportFields.begin(), kExportFields.end());
  CheckField(path, fields, "\"{}\" is not asked for under \"ask\"", problems);
  const auto* field = path.steps.empty() ? nullptr : std::get_if<std::string>(&path.steps[0]);
  if (field != nullptr && IsIn(kExportFields, *field) && !IsIn(asked, *field)) RefuseBelow(path, 1, "export." + *field, problems);
}

void CheckItemPath(const Path& path, NamesHere::ItemShape shape, Diagnostics& problems) {
  if (shape == NamesHere::ItemShape::kText) RefuseBelow(path, 0, "item", problems);
  if (shape == NamesHere::ItemShape::kEntry) CheckField(path, {"key", "value"}, "an entry has no \"{}\"", problems);
}

void CheckPath(const Path& path, const NamesHere& here, LoadContext& context) {
  const std::vector<std::string> known = KnownNames(here, context);
  if (!IsIn(known, path.name)) {
    const std::string why = WhyNotHere(path.name, here);
    context.problems.Error(path.place,
                           why.empty() ? fmt::format("unknown name \"{}\"{}", path.name, DidYouMean(path.name, known)) : why);
  } else if (path.name == "vars") {
    CheckVariable(path, context.mapping.vars, context.problems);
  } else if (path.name == "memory") {
    CheckMemoryPath(path, context.problems);
  } else if (path.name == "event") {
    CheckEventPath(path, context.problems);
  } else if (path.name == "export") {
    CheckExportPath(path, context.asked, context.problems);
  } else if (path.name == "item") {
    CheckItemPath(path, here.item_shape, context.problems);
  } else if (path.name == "now") {
    RefuseBelow(path, 0, "now", context.problems);
  }
}

}  // namespace

void CheckNames(const Expression& expression, const NamesHere& here, LoadContext& context) {
  ForEachPath(expression, [&](const Path& path) { CheckPath(path, here, context); });
}

bool LooksLikePath(const std::string& text, const NamesHere& here, const LoadContext& context) {
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos || dot + 1 == text.size()) return false;
  const std::vector<std::string> known = KnownNames(here, context);
  if (std::find(known.begin(), known.end(), text.substr(0, dot)) == known.end()) return false;
  const std::string path = text.substr(0, text.find(" |"));
  return path.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.[]'\"") == std::string::npos &&
         path.back() != '.';
}

void RefuseUnknownKeys(const YamlNode& map, const std::vector<std::string>& known, std::string_view what, Diagnostics& problems) {
  for (const auto& [key, value] : map.entries) {
    if (std::find(known.begin(), known.end(), key.text) != known.end()) continue;
    problems.Error(key.place, fmt::format("unknown {} \"{}\"{}", what, key.text, DidYouMean(key.text, known)));
  }
}

}  // namespace membridge::mappings
