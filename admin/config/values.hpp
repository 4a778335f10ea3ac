#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/config/config.hpp"
#include "mappings/base/diagnostic.hpp"

namespace membridge::admin {

/// Reads `250ms`, `30s`, `5m`, `12h` or `30d`. Returns nothing for any other text, also for a number without a unit.
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);
/// Reads `512KiB`, `1MiB`, `2GiB` or `4096B`, in bytes. Returns nothing for any other text.
std::optional<std::size_t> ParseSize(std::string_view text);
/// Reads `127.0.0.1:8080`, `[::1]:8080` or `localhost:0`. Returns nothing for any other text.
std::optional<ListenAddress> ParseListenAddress(std::string_view text);
/// Reads a whole number without a sign. Returns nothing for any other text.
std::optional<std::size_t> ParseCount(std::string_view text);

/// Returns `; did you mean "x"?` when one of the candidates is close, else `; known are a, b, c`.
std::string Suggestion(std::string_view word, const std::vector<std::string>& candidates);

/// Replaces every `${NAME}` by its value in the environment. For unset variables and malformed names adds problems and returns
/// nothing. The values never appear in a message.
std::optional<std::string> Substitute(std::string_view text, const mappings::Place& place, const Environment& environment,
                                      mappings::Diagnostics& problems);

}  // namespace membridge::admin
