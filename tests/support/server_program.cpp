#include "tests/support/server_program.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "sync/embedded/child_process.hpp"

namespace membridge::test {

void RunServerProgram(const std::string& program, const std::vector<std::string>& arguments) {
  std::string path = (std::filesystem::temp_directory_path() / "membridge-program-XXXXXX").string();
  const int file = mkstemp(path.data());
  if (file < 0) throw std::runtime_error("no file for the words of " + program);
  close(file);
  sync::ChildOptions options;
  options.command = {sync::FindServerPrograms({}).value() / program};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  options.output = path;
  auto child = sync::Child::Start(options);
  if (!child) throw std::runtime_error(child.error().message);
  const auto status = child->Wait(std::chrono::seconds{60});
  std::ifstream log{path};
  const std::string words{std::istreambuf_iterator<char>{log}, {}};
  std::filesystem::remove(path);
  if (status != 0) throw std::runtime_error(program + ": " + words);
}

}  // namespace membridge::test
