#include "mappings/files/name_check.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace membridge::mappings {
namespace {

using From = Mapping::From;

const std::vector<std::string> kEventFields{"id", "type", "time", "project", "memory"};
/// What the bridge adds to the fields that were asked for.
const std::vector<std::string> kExportFields{"id", "user_id", "agent_id", "app_id", "run_id", "completed_at"};

std::vector<std::string> KnownNames(const NamesHere& here, const LoadContext& context) {
  std::vector<std::string> names{"vars"};
  if (here.data) {
    const From from = context.mapping.from;
    if (from != From::kExport) names.emplace_back("memory");
    if (from == From::kExport) names.emplace_back("export");
    if (from == From::kEvent) names.emplace_back("event");
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

/// Why a name that means something elsewhere means nothing here; empty when it means nothing anywhere.
std::string WhyNotHere(const std::string& name, const NamesHere& here) {
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

void CheckPath(const Path& path, const NamesHere& here, LoadContext& context) {
  const std::vector<std::string> known = KnownNames(here, context);
  if (std::find(known.begin(), known.end(), path.name) == known.end()) {
    const std::string why = WhyNotHere(path.name, here);
    context.problems.Error(path.place,
                           why.empty() ? fmt::format("unknown name \"{}\"{}", path.name, DidYouMean(path.name, known)) : why);
    return;
  }
  if (path.name == "vars") {
    std::vector<std::string> vars;
    for (const auto& [name, value] : context.mapping.vars.items()) vars.push_back(name);
    CheckField(path, vars, "no variable \"{}\"", context.problems);
  } else if (path.name == "event") {
    CheckField(path, kEventFields, "an event has no \"{}\"", context.problems);
  } else if (path.name == "export") {
    std::vector<std::string> fields = context.asked;
    fields.insert(fields.end(), kExportFields.begin(), kExportFields.end());
    CheckField(path, fields, "\"{}\" is not asked for under \"ask\"", context.problems);
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
  return path.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.[]'") == std::string::npos &&
         path.back() != '.';
}

void RefuseUnknownKeys(const YamlNode& map, const std::vector<std::string>& known, std::string_view what, Diagnostics& problems) {
  for (const auto& [key, value] : map.entries) {
    if (std::find(known.begin(), known.end(), key.text) != known.end()) continue;
    problems.Error(key.place, fmt::format("unknown {} \"{}\"{}", what, key.text, DidYouMean(key.text, known)));
  }
}

}  // namespace membridge::mappings
