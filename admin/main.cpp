#include <iostream>

#include "admin/commands/command.hpp"

int main(int argc, char* argv[]) {
  const membridge::admin::Environment environment = membridge::admin::ProcessEnvironment();
  membridge::admin::Console console{std::cout, std::cerr, environment};
  return membridge::admin::RunCommandLine(argc, argv, console);
}
