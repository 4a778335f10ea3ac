#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "admin/commands/command.hpp"

namespace membridge::admin {

/// What a command answered.
struct Spoken {
  int status = -1;
  std::string out;
  std::string err;
};

/// Runs a line in this process; `variables` is its whole environment.
inline Spoken SayIn(const Environment& variables, const std::vector<std::string>& words) {
  std::vector<const char*> arguments{"membridge"};
  for (const auto& word : words) arguments.push_back(word.c_str());
  std::ostringstream out;
  std::ostringstream err;
  Console console{out, err, variables};
  const int status = RunCommandLine(static_cast<int>(arguments.size()), arguments.data(), console);
  return {status, out.str(), err.str()};
}

}  // namespace membridge::admin
