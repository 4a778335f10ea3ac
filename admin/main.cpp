#include <unistd.h>

#include <iostream>

#include "admin/commands/command.hpp"

int main(int argc, char* argv[]) {
  const membridge::admin::Environment environment = membridge::admin::ProcessEnvironment();
  membridge::admin::Console console{std::cout, std::cerr, environment};
  const auto no_color = environment("NO_COLOR");
  console.coloured = isatty(STDOUT_FILENO) == 1 && (!no_color || no_color->empty());
  return membridge::admin::RunCommandLine(argc, argv, console);
}
