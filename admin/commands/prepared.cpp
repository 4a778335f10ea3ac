#include "admin/commands/prepared.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "admin/mapping_files/target_catalogs.hpp"

namespace membridge::admin {
namespace {

/// Whether the user named this mapping: by the file's name without ending, or by any form of its path.
bool IsMeant(const MappingConfig& mapping, const std::string& wanted) {
  const std::filesystem::path file{mapping.file};
  if (file.stem() == wanted || file == wanted) return true;
  std::error_code ignored;
  return std::filesystem::equivalent(file, wanted, ignored);
}

}  // namespace

tl::expected<Prepared, int> Prepare(const std::string& config_file, const std::vector<std::string>& wanted, Console& console,
                                    const Redirect& redirect) {
  auto config = ConfigOrProblems(config_file, console);
  if (!config) return tl::unexpected<int>(kBadUsage);
  for (const auto& name : wanted) {
    const bool known =
        std::any_of(config->mappings.begin(), config->mappings.end(), [&](const auto& each) { return IsMeant(each, name); });
    if (known) continue;
    std::vector<std::string> names;
    for (const auto& each : config->mappings) names.push_back(std::filesystem::path{each.file}.stem().string());
    fmt::print(console.err, "error: the configuration has no mapping \"{}\"{}\n", name, mappings::DidYouMean(name, names));
    return tl::unexpected<int>(kBadUsage);
  }
  if (!wanted.empty()) {
    std::erase_if(config->mappings, [&](const auto& each) {
      return std::none_of(wanted.begin(), wanted.end(), [&](const auto& name) { return IsMeant(each, name); });
    });
  }
  mappings::Diagnostics problems;
  auto configured = LoadMappings(*config, problems);
  if (redirect) {
    if (problems.HasErrors()) {
      PrintProblems(problems, console);
      return tl::unexpected<int>(kBadUsage);
    }
    if (auto redirected = redirect(*config, configured); !redirected)
      return tl::unexpected<int>(PrintError(redirected.error(), console));
  }
  auto databases = Databases::Open(*config, Databases::Use::kCommand);
  if (!databases) {
    PrintProblems(problems, console);
    return tl::unexpected<int>(PrintError(databases.error(), console));
  }
  auto catalogs = ReadCatalogs(*config, *databases, configured);
  if (catalogs) CheckMappings(configured, *catalogs, problems);
  // `check`, `doctor` and `serve` print warnings. Users of other commands have seen them there.
  if (problems.HasErrors() || !catalogs) PrintProblems(problems, console);
  if (!catalogs) return tl::unexpected<int>(PrintError(catalogs.error(), console));
  if (problems.HasErrors()) return tl::unexpected<int>(kBadUsage);
  return Prepared{std::move(*config), std::move(*databases), std::move(configured), std::move(*catalogs)};
}

}  // namespace membridge::admin
