#include "admin/config/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <utility>

namespace membridge::admin {
namespace {

/// Splits a text into the number at its front and the rest.
std::optional<std::pair<std::uint64_t, std::string_view>> NumberAndUnit(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end == text.data()) return std::nullopt;
  return std::pair{number, text.substr(static_cast<std::size_t>(end - text.data()))};
}

/// Scales a number by its unit; nothing when the unit is unknown or the product does not fit.
template <std::size_t N>
std::optional<std::uint64_t> Scaled(std::string_view text,
                                    const std::array<std::pair<std::string_view, std::uint64_t>, N>& units) {
  const auto parts = NumberAndUnit(text);
  if (!parts) return std::nullopt;
  for (const auto& [unit, factor] : units) {
    if (unit != parts->second) continue;
    if (parts->first > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / factor) return std::nullopt;
    return parts->first * factor;
  }
  return std::nullopt;
}

bool IsVariableName(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (name.empty() || !is_letter(name.front())) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 5> kUnits{
      {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  const auto milliseconds = Scaled(text, kUnits);
  // Refuse more than a century: no setting needs it, and sums of instants and durations could overflow.
  if (!milliseconds || *milliseconds > std::uint64_t{36'500} * 86'400'000) return std::nullopt;
  return std::chrono::milliseconds{static_cast<std::int64_t>(*milliseconds)};
}

std::optional<std::size_t> ParseSize(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 4> kUnits{
      {{"B", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}}};
  return Scaled(text, kUnits);
}

std::optional<ListenAddress> ParseListenAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  const auto port = ParseCount(port_text);
  if (host.empty() || !port || *port > 65535) return std::nullopt;
  return ListenAddress{std::string{host}, static_cast<std::uint16_t>(*port)};
}

std::optional<std::size_t> ParseCount(std::string_view text) {
  const auto parts = NumberAndUnit(text);
  if (!parts || !parts->second.empty()) return std::nullopt;
  return parts->first;
}

std::string Suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  if (const std::string closest = mappings::ClosestTo(word, candidates); !closest.empty()) {
    return fmt::format("; did you mean \"{}\"?", closest);
  }
  return candidates.empty() ? std::string{} : fmt::format("; known are {}", fmt::join(candidates, ", "));
}

std::optional<std::string> Substitute(std::string_view text, const mappings::Place& place, const Environment& environment,
                                      mappings::Diagnostics& problems) {
  std::string result;
  bool complete = true;
  while (true) {
    const std::size_t start = text.find("${");
    result += text.substr(0, start);
    if (start == std::string_view::npos) break;
    const std::size_t end = text.find('}', start);
    if (end == std::string_view::npos) {
      problems.Error(place, "\"${\" without its \"}\"; write ${NAME}");
      return std::nullopt;
    }
    const std::string name{text.substr(start + 2, end - start - 2)};
    text = text.substr(end + 1);
    if (!IsVariableName(name)) {
      problems.Error(place,
                     "\"${...}\" takes the name of an environment variable: letters, digits and _; nothing else is substituted");
      complete = false;
    } else if (const auto value = environment(name)) {
      result += *value;
    } else {
      problems.Error(place, fmt::format("${{{0}}} is not set; export {0} before starting", name));
      complete = false;
    }
  }
  if (!complete) return std::nullopt;
  return result;
}

}  // namespace membridge::admin
