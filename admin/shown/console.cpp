#include "admin/shown/console.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <set>

namespace membridge::admin {

nlohmann::ordered_json ViewOf(const mappings::Diagnostics& problems) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& problem : problems.Sorted()) {
    list.push_back({{"file", problem.place.file},
                    {"line", problem.place.line},
                    {"column", problem.place.column},
                    {"severity", problem.severity == mappings::Severity::kError ? "error" : "warning"},
                    {"message", problem.message}});
  }
  return list;
}

void PrintProblems(const mappings::Diagnostics& problems, Console& console) {
  std::size_t errors = 0;
  std::set<std::string> files;
  for (const auto& problem : problems.Sorted()) {
    fmt::print(console.err, "{}\n", problem.Text());
    if (problem.severity != mappings::Severity::kError) continue;
    ++errors;
    files.insert(problem.place.file);
  }
  if (errors == 0) return;
  if (console.failure.is_null()) {
    console.failure = {
        {"code", "bad_configuration"},
        {"message", fmt::format("{} in {}", Counted(errors, "problem", "problems"), Counted(files.size(), "file", "files"))},
        {"hint", "fix what `problems` names, then run the command again"},
        {"problems", ViewOf(problems)}};
  }
  fmt::print(console.err, "{} in {}, nothing started\n", Counted(errors, "problem", "problems"),
             Counted(files.size(), "file", "files"));
}

std::string Counted(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string TextOf(const Error& error) {
  return error.hint.empty() ? error.message : error.message + "; " + error.hint;
}

int PrintError(const Error& error, Console& console) {
  if (console.failure.is_null())
    console.failure = {{"code", NameOf(error.code)}, {"message", error.message}, {"hint", error.hint}};
  fmt::print(console.err, "error: {}{}{}\n", error.message, error.hint.empty() ? "" : "; ", error.hint);
  return kFoundProblems;
}

}  // namespace membridge::admin
