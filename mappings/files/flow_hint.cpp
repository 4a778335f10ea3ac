#include "mappings/files/flow_hint.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace membridge::mappings {
namespace {

constexpr std::string_view kReadByYaml = "?:,[]{}#&*!|>'\"%@";

/// Whether a key of a map in braces starts at `at`: `, name: ` or `{name: `. Then `end` is where its colon stands.
bool IsFlowKey(std::string_view line, std::size_t at, std::size_t& end) {
  std::size_t before = at;
  while (before > 0 && line[before - 1] == ' ') --before;
  if (before == 0 || (line[before - 1] != '{' && line[before - 1] != ',')) return false;
  end = at;
  while (end < line.size() && std::string_view{" ,{}:|'"}.find(line[end]) == std::string_view::npos) ++end;
  return end > at && line.substr(end, 2) == ": ";
}

struct FlowValue {
  std::string_view key;
  std::string_view value;
};

/// The key and value of the line in which the byte at `column` stands.
std::optional<FlowValue> ValueAround(std::string_view line, std::size_t column) {
  std::optional<FlowValue> found;
  std::size_t colon = 0;
  std::size_t next = line.size();
  for (std::size_t at = 0; at < line.size(); ++at) {
    std::size_t end = 0;
    if (!IsFlowKey(line, at, end)) continue;
    if (found && at > column) {
      next = at;
      break;
    }
    found = FlowValue{line.substr(at, end - at), {}};
    colon = end;
    at = end;
  }
  if (!found) return std::nullopt;
  std::string_view value = line.substr(colon + 2, next - colon - 2);
  if (next < line.size()) {
    value = value.substr(0, value.rfind(','));
  } else {
    while (!value.empty() && std::string_view{" },"}.find(value.back()) != std::string_view::npos) value.remove_suffix(1);
    // Braces of `${...}` belong to the value.
    const auto count = [&](char c) { return std::count(value.begin(), value.end(), c); };
    for (auto open = count('{') - count('}'); open > 0; --open)
      value = std::string_view{value.data(),
                               std::min(value.size() + 1, static_cast<std::size_t>(line.data() + line.size() - value.data()))};
  }
  while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
  found->value = value;
  return found;
}

std::string InQuotes(std::string_view value) {
  if (value.find_first_of("\"\\") == std::string_view::npos) return '"' + std::string{value} + '"';
  std::string quoted = "'";
  for (const char c : value) quoted += c == '\'' ? std::string{"''"} : std::string{c};
  return quoted + "'";
}

}  // namespace

std::string HintInFlow(const std::string& text, std::size_t offset) {
  const std::string rule = "inside { } YAML itself reads ? : , [ ] { } # & * ! | > ' \" % @; ";
  offset = std::min(offset, text.size());
  const std::size_t start = offset == 0 ? 0 : text.rfind('\n', offset - 1) + 1;
  const std::size_t end = std::min(text.find('\n', start), text.size());
  auto around = ValueAround(std::string_view{text}.substr(start, end - start), offset - start);
  if (!around && start > 0) {
    // When ` #` begins a comment, YAML does not see the end of the map and reports the next line. So look at the line before.
    const std::size_t before = start == 1 ? 0 : text.rfind('\n', start - 2) + 1;
    const std::string_view line = std::string_view{text}.substr(before, start - 1 - before);
    if (line.find(" #") != std::string_view::npos) around = ValueAround(line, line.size());
  }
  const bool unquoted = around && !around->value.empty() && around->value.front() != '\'' && around->value.front() != '"' &&
                        around->value.find_first_of(kReadByYaml) != std::string_view::npos;
  if (!unquoted) return rule + "quote a value that holds one of them, or write the map one line per entry";
  return rule + "quote the value: " + std::string{around->key} + ": " + InQuotes(around->value);
}

}  // namespace membridge::mappings
