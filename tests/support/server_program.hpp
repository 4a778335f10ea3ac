#pragma once

#include <string>
#include <vector>

namespace membridge::test {

/// Runs a program of PostgreSQL's (`pg_dump`, `psql`) to its end. Throws std::runtime_error with its words when it fails.
void RunServerProgram(const std::string& program, const std::vector<std::string>& arguments);

}  // namespace membridge::test
