#include "mappings/check/text_bound.hpp"

#include <algorithm>
#include <array>

#include "mappings/base/utf8.hpp"

namespace membridge::mappings {
namespace {

using nlohmann::json;
using Longest = std::optional<std::size_t>;

constexpr std::size_t kLongestTime = 32;
constexpr std::size_t kLongestNumber = 64;

std::size_t CharactersIn(const json& value) {
  const auto text = TextOf(value);
  return text ? CountCharacters(*text) : 0;
}

Longest Longer(Longest a, Longest b) {
  return a && b ? Longest{std::max(*a, *b)} : std::nullopt;
}
Longest AtMost(Longest bound, std::size_t most) {
  return bound ? std::min(*bound, most) : most;
}

struct Known {
  std::string_view function;
  std::size_t most;
};
/// Functions whose result has a fixed longest text.
constexpr std::array<Known, 15> kBounded{{{"is", 5},
                                          {"yes", 4},
                                          {"time", kLongestTime},
                                          {"at", kLongestTime},
                                          {"epoch", 20},
                                          {"epoch_ms", 20},
                                          {"has", 5},
                                          {"not", 5},
                                          {"length", 20},
                                          {"email", 254},
                                          {"phone", 16},
                                          {"number", kLongestNumber},
                                          {"date", 10},
                                          {"uuid5", 36},
                                          {"sha256", 64}}};
/// Functions that never make a text longer.
constexpr std::array<std::string_view, 7> kShortening{"trim", "capture", "captures", "split", "first", "unique", "truncate"};

}  // namespace

const json* ValueForecast::Variable(const Path& path) const {
  if (path.name != "vars" || path.steps.size() != 1) return nullptr;
  const auto* name = std::get_if<std::string>(&path.steps[0]);
  if (name == nullptr || !mapping_.vars.contains(*name)) return nullptr;
  return &mapping_.vars.at(*name);
}

Longest ValueForecast::LongestOperand(const Expression::Node& node, std::size_t own_length) const {
  if (const auto* inner = std::get_if<Expression>(&node.operand)) return LongestText(*inner, own_length);
  if (const auto* literal = std::get_if<json>(&node.operand)) return CharactersIn(*literal);
  if (const auto* text = std::get_if<Template>(&node.operand)) {
    Longest longest = 0;
    for (const auto& part : text->parts) {
      const auto* literal = std::get_if<std::string>(&part);
      const Longest more =
          literal != nullptr ? Longest{CountCharacters(*literal)} : LongestText(std::get<Expression>(part), own_length);
      longest = longest && more ? Longest{*longest + *more} : std::nullopt;
    }
    return longest;
  }
  const Path& path = std::get<Path>(node.operand);
  if (const json* variable = Variable(path)) return CharactersIn(*variable);
  if (path.name == "now" || path.name == "event")
    return path.steps == std::vector<Path::Step>{"project"} ? Longest{} : kLongestTime + 4;
  const bool id = (path.name == "memory") && path.steps == std::vector<Path::Step>{"id"};
  if (id) return 36;
  const Column* column = column_of_(path);
  if (column == nullptr) return std::nullopt;
  if (column->max_length) return static_cast<std::size_t>(*column->max_length);
  const bool short_type =
      column->category == 'N' || column->category == 'B' || column->category == 'D' || column->base_type == "uuid";
  return short_type ? Longest{kLongestNumber / 2} : std::nullopt;
}

Longest ValueForecast::After(const Call& call, Longest before, std::size_t own_length) const {
  const std::string_view name = call.function->name;
  if (IsOpenTruncate(call)) return AtMost(before, own_length);
  if (name == "truncate") {
    const auto* most = std::get_if<json>(&call.arguments[0].Root().operand);
    return most != nullptr && most->is_number_unsigned()  ? AtMost(before, most->get<std::size_t>())
           : most != nullptr && most->is_number_integer() ? AtMost(before, static_cast<std::size_t>(most->get<std::int64_t>()))
                                                          : before;
  }
  if (name == "or") return Longer(before, LongestText(call.arguments[0], own_length));
  if (name == "map") {
    std::size_t most = 0;
    for (const auto& [key, value] : *call.lookup) most = std::max(most, CharactersIn(value));
    return most;
  }
  for (const Known& known : kBounded) {
    if (known.function == name) return AtMost(name == "email" || name == "number" ? before : std::nullopt, known.most);
  }
  // Upper case can be longer (ß becomes SS). The check ignores this, because it hardly ever matters for a column's length.
  if (name == "lower" || name == "upper") return before;
  return std::find(kShortening.begin(), kShortening.end(), name) != kShortening.end() ? before : std::nullopt;
}

Longest ValueForecast::LongestText(const Expression& expression, std::size_t own_length) const {
  const Expression::Node& node = expression.Root();
  Longest bound = LongestOperand(node, own_length);
  for (const Call& call : node.calls) bound = After(call, bound, own_length);
  return bound;
}

std::vector<json> ValueForecast::Constants(const Expression& expression) const {
  const Expression::Node& node = expression.Root();
  std::vector<json> constants;
  if (const auto* literal = std::get_if<json>(&node.operand)) constants.push_back(*literal);
  if (const auto* path = std::get_if<Path>(&node.operand)) {
    if (const json* variable = Variable(*path)) constants.push_back(*variable);
  }
  if (const auto* inner = std::get_if<Expression>(&node.operand)) constants = Constants(*inner);
  for (const Call& call : node.calls) {
    if (call.function->name == "or") {
      for (json& one : Constants(call.arguments[0])) constants.push_back(std::move(one));
    } else {
      constants.clear();
      if (call.function->name == "map") {
        for (const auto& [key, value] : *call.lookup) constants.push_back(value);
      }
    }
  }
  return constants;
}

}  // namespace membridge::mappings
