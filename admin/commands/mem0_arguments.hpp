#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"
#include "sync/mem0/api_operations.hpp"

namespace membridge::admin {

/// The parameters of an operation at Mem0 on a command line: ids and what is always given stand alone, all others are options.
class Mem0Arguments {
 public:
  explicit Mem0Arguments(const sync::mem0::ApiOperation& operation) : operation_(operation) {}

  /// Adds them to a command. The object outlives the command.
  void AddTo(CLI::App& command);
  /// Returns what was given, with the types of the operation. JSON may be given as text, as `@FILE`, or as `@-` for the input;
  /// `messages` also as what a user said. A value that cannot be read keeps its text, so that ProblemsWith() names its parameter.
  /// kRefused: a file cannot be read.
  Result<nlohmann::json> Read() const;
  /// Returns the name of a parameter as it stands on the line: `--user-id`, `memory_id`.
  static std::string NameOnLine(const sync::mem0::ApiOperation& operation, const std::string& parameter);

 private:
  const sync::mem0::ApiOperation& operation_;
  std::map<std::string, std::string> texts_;
  std::map<std::string, std::vector<std::string>> lists_;
  std::map<std::string, bool> flags_;
  std::map<std::string, const CLI::Option*> options_;
};

}  // namespace membridge::admin
