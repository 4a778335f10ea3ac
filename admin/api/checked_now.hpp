#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/api/context.hpp"
#include "mappings/base/diagnostic.hpp"

namespace membridge::admin::api {

/// The mappings in force, checked against the current state of their tables.
struct Checked {
  MappingsInForce now;
  mappings::Diagnostics problems;

  const std::vector<ConfiguredMapping>& Mappings() const { return now.checked->configured; }
};

/// Reads the tables and checks the mappings in force. A problem: a target could not be reached. Blocks while it reads.
tl::expected<Checked, Problem> Check(const Parts& parts);

/// Returns the mapping that a request names; by its project, too, when several mappings have the name.
tl::expected<const ConfiguredMapping*, Problem> Choose(const Checked& checked, const std::string& name,
                                                       const std::optional<std::string>& project);

/// Returns the problems of one file.
mappings::Diagnostics ProblemsIn(const std::string& file, const mappings::Diagnostics& problems);

/// Returns the problems as the API shows them.
nlohmann::ordered_json ProblemsView(const mappings::Diagnostics& problems);

}  // namespace membridge::admin::api
