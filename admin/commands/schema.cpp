#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/commands/command.hpp"
#include "admin/commands/prepared.hpp"
#include "admin/commands/state_command.hpp"
#include "mappings/check/export_schema.hpp"

namespace membridge::admin {
namespace {

int PrintSchema(const std::string& config, const std::string& mapping, Console& console) {
  const auto prepared = Prepare(config, {mapping}, console);
  if (!prepared) return prepared.error();
  const ConfiguredMapping& configured = prepared->mappings.front();
  if (configured.mapping->from != mappings::Mapping::From::kExport) {
    return PrintUsageError(
        {ErrorCode::kRefused, configured.mapping->file + " asks Mem0 for nothing", "only mappings `from: export` send a schema"},
        console);
  }
  const auto schema = mappings::ExportSchema(*configured.mapping, prepared->catalogs.at(configured.target));
  fmt::print(console.out, "{}\n", schema.dump(2));
  return kDone;
}

}  // namespace

void AddSchema(CLI::App& app, Choice& choice) {
  CLI::App* command = app.add_subcommand("schema", "Print the JSON Schema that a mapping `from: export` sends to Mem0");
  const auto options = AddConfigOption(*command);
  auto mapping = std::make_shared<std::string>();
  command->add_option("mapping", *mapping, "The mapping: its name, or its file")->required();
  command->callback([options, mapping, &choice] {
    choice = [options, mapping](Console& console) { return PrintSchema(options->config, *mapping, console); };
  });
}

}  // namespace membridge::admin
