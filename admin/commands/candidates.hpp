#pragma once

#include <CLI/CLI.hpp>

#include "admin/commands/command.hpp"

namespace membridge::admin {

/// Adds `candidates` and `choose` to the group `parked`.
void AddCandidates(CLI::App& group, Choice& choice);

}  // namespace membridge::admin
