#pragma once

#include <cstddef>
#include <string>

namespace membridge::mappings {

/// What a reader cannot guess from a problem inside `{ }` at this byte of the file: that YAML reads some characters itself, and
/// how the value that stands there is quoted.
std::string HintInFlow(const std::string& text, std::size_t offset);

}  // namespace membridge::mappings
