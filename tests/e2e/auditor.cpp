#include "tests/e2e/auditor.hpp"

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/support/bridge.hpp"

namespace membridge::e2e {

std::vector<std::string> FindingsOfAuditor(const std::string& mapping, const std::vector<nlohmann::json>& records,
                                           const std::string& dsn) {
  const test::ScratchFolder folder;
  const std::string file = folder.path() / "case.json";
  std::ofstream{file} << nlohmann::json{{"mapping", mapping}, {"records", records}, {"target", dsn}};
  const std::string command = "/usr/bin/python3 " MEMBRIDGE_SOURCE "/tests/proof/judge '" + file + "' 2>&1";
  FILE* judge = popen(command.c_str(), "r");
  if (judge == nullptr) throw std::runtime_error("tests/proof/judge cannot be started");
  std::stringstream said;
  std::array<char, 4096> piece{};
  while (const std::size_t length = std::fread(piece.data(), 1, piece.size(), judge)) {
    said.write(piece.data(), static_cast<std::streamsize>(length));
  }
  const int status = pclose(judge);
  std::vector<std::string> findings;
  for (std::string line; std::getline(said, line);) findings.push_back("the auditor: " + line);
  if (status != 0 && findings.empty()) findings.emplace_back("the auditor ended without a word");
  return findings;
}

}  // namespace membridge::e2e
