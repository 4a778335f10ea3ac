#pragma once

#include <cstddef>
#include <string>

namespace membridge::mappings {

/// Returns a hint for a problem at this byte of the file inside `{ }`: which characters YAML reads itself, and how to quote the
/// value there.
std::string HintInFlow(const std::string& text, std::size_t offset);

}  // namespace membridge::mappings
