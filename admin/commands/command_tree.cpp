#include "admin/commands/command_tree.hpp"

#include <fmt/format.h>

#include <utility>

namespace membridge::admin {

DescribedCommand Describe(const CLI::App& app, const std::vector<std::string>& path) {
  DescribedCommand described{path, app.get_description(), {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    DescribedOption one;
    one.positional = option->get_lnames().empty();
    if (one.positional && option->get_single_name().empty()) continue;
    one.name = one.positional ? option->get_single_name() : "--" + option->get_lnames().front();
    if (option->get_expected_max() > 0 && option->get_type_size_max() > 0) one.value = option->get_type_name();
    one.text = option->get_description();
    one.otherwise = option->get_default_str();
    one.required = option->get_required();
    described.options.push_back(std::move(one));
  }
  for (const CLI::App* inner : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (inner->get_name().empty()) {  // a group of options of this command
      for (auto& option : Describe(*inner, path).options) {
        if (option.name != "--help") described.options.push_back(std::move(option));
      }
      continue;
    }
    std::vector<std::string> inner_path = path;
    inner_path.push_back(inner->get_name());
    described.commands.push_back(Describe(*inner, inner_path));
  }
  return described;
}

std::string JoinedPath(const DescribedCommand& command, const char* between) {
  return fmt::format("{}", fmt::join(command.path, between));
}

}  // namespace membridge::admin
