#include "admin/shown/console.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <set>

namespace membridge::admin {

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
  fmt::print(console.err, "{} in {}, nothing started\n", Counted(errors, "problem", "problems"),
             Counted(files.size(), "file", "files"));
}

std::string Counted(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

int PrintError(const Error& error, Console& console) {
  fmt::print(console.err, "error: {}{}{}\n", error.message, error.hint.empty() ? "" : "; ", error.hint);
  return kFoundProblems;
}

}  // namespace membridge::admin
