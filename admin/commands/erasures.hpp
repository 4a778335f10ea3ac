#pragma once

#include <memory>
#include <string>

#include "admin/commands/command.hpp"

namespace membridge::admin {

/// The options of `erase --list` and `erase --lift`.
struct ErasuresOptions {
  std::shared_ptr<CommonOptions> common;
  std::string user, project;  ///< no project: all of them
  bool list = false;          ///< else: lift
  bool yes = false;
};

/// Lists erasures, or admits an erased user again. Returns the exit status.
int RunErasures(const ErasuresOptions& options, Console& console);

}  // namespace membridge::admin
