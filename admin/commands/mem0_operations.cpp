// `mem0 operations`: the table of everything that can be done at Mem0.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/api/mem0_document.hpp"
#include "admin/commands/mem0_help.hpp"
#include "admin/shown/table.hpp"

namespace membridge::admin {
namespace {

using nlohmann::ordered_json;
using sync::mem0::ApiOperation;
using sync::mem0::ApiParameter;

const char* NameOfEffect(const ApiOperation& operation) {
  switch (operation.effect) {
    case ApiOperation::Effect::kReads:
      return "reads";
    case ApiOperation::Effect::kChanges:
      return "changes";
    case ApiOperation::Effect::kDestroys:
      break;
  }
  return "destroys";
}

ordered_json OperationJson(const ApiOperation& operation) {
  const api::Mem0Route route = api::RouteOf(operation);
  ordered_json parameters = ordered_json::array();
  for (const ApiParameter& parameter : operation.parameters)
    parameters.push_back({{"name", parameter.name}, {"text", parameter.text}, {"required", parameter.required}});
  return {{"name", NameOf(operation)},
          {"command", fmt::format("mem0 {} {}", operation.noun, operation.verb)},
          {"api", route.id},
          {"path", route.method + " " + route.path},
          {"text", operation.text},
          {"mem0", fmt::format("{} {}", operation.method, operation.path)},
          {"role", operation.role},
          {"effect", NameOfEffect(operation)},
          {"asynchronous", operation.is_asynchronous},
          {"parameters", std::move(parameters)}};
}

}  // namespace

void AddMem0Operations(CLI::App& group, Choice& choice) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command =
      group.add_subcommand("operations", "List everything that can be done, with the role that the admin API asks for");
  command->add_flag("--json", *json, "Print JSON instead of text");
  command->callback([json, &choice] {
    choice = [json](Console& console) {
      ordered_json all = ordered_json::array();
      TextTable table{{"COMMAND", "ROLE", "", "WHAT IT DOES"}};
      for (const ApiOperation& operation : sync::mem0::ApiOperations()) {
        all.push_back(OperationJson(operation));
        table.Add({fmt::format("mem0 {} {}", operation.noun, operation.verb), std::string{operation.role},
                   NameOfEffect(operation), std::string{operation.text}});
      }
      if (*json)
        fmt::print(console.out, "{}\n", ordered_json{{"operations", std::move(all)}}.dump(2));
      else
        fmt::print(console.out, "{}", table.Text(console.coloured));
      return kDone;
    };
  });
}

}  // namespace membridge::admin
