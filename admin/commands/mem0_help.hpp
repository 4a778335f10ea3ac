#pragma once

#include <string>

#include "admin/commands/command.hpp"
#include "sync/mem0/api_operations.hpp"

namespace membridge::admin {

/// What `--help` says of the commands below `mem0`.
std::string Mem0NounText(const std::string& noun);
/// What the operation does, what it costs, and that it asks first.
std::string Mem0Summary(const sync::mem0::ApiOperation& operation);
/// Lines to copy; empty where the options say enough.
std::string Mem0Examples(const sync::mem0::ApiOperation& operation);

/// Adds `operations`, which prints the table that these commands, the admin API and the agents' tools are made from.
void AddMem0Operations(CLI::App& group, Choice& choice);

}  // namespace membridge::admin
