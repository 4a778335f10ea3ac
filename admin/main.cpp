#include <unistd.h>

#include <iostream>

#include "admin/commands/command.hpp"
#include "mappings/base/log_level.hpp"

int main(int argc, char* argv[]) {
  const membridge::admin::Environment environment = membridge::admin::ProcessEnvironment();
  membridge::admin::Console console{std::cout, std::cerr, environment};
  const auto no_color = environment("NO_COLOR");
  console.coloured = isatty(STDOUT_FILENO) == 1 && (!no_color || no_color->empty());
  // A person reads what the command prints; `serve` logs everything.
  if (isatty(STDERR_FILENO) == 1) membridge::LogFrom(membridge::LogLevel::kWarn);
  return membridge::admin::RunCommandLine(argc, argv, console);
}
