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

/// `250ms`, `30s`, `5m`, `12h`, `30d`. Nothing for anything else, a bare number among it.
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);
/// `512KiB`, `1MiB`, `2GiB`, `4096B`, in bytes.
std::optional<std::size_t> ParseSize(std::string_view text);
/// `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`.
std::optional<ListenAddress> ParseListenAddress(std::string_view text);
/// A whole number without sign.
std::optional<std::size_t> ParseCount(std::string_view text);

/// `; did you mean "x"?` when one of the candidates is close, else `; known are a, b, c`.
std::string Suggestion(std::string_view word, const std::vector<std::string>& candidates);

/// Replaces every `${NAME}` by the environment's value. Unset variables and malformed names are added to `problems`, and nothing
/// is returned; the values never appear in a message.
std::optional<std::string> Substitute(std::string_view text, const mappings::Place& place, const Environment& environment,
                                      mappings::Diagnostics& problems);

}  // namespace membridge::admin
