#include "admin/config/fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "admin/config/values.hpp"

namespace membridge::admin {
namespace {

/// Whether the value counts as absent: `key:` and `key: null` mean the same as no key.
bool IsNothing(const YamlNode& value) {
  return value.kind == YamlNode::Kind::kNothing || value.IsNull();
}

}  // namespace

std::string ReadingContext::PathOf(const std::string& written) const {
  return (std::filesystem::path{folder} / written).lexically_normal().string();
}

std::optional<std::string> TextOf(const YamlNode& value, const std::string& what, ReadingContext& context) {
  if (value.kind != YamlNode::Kind::kScalar) {
    context.problems.Error(value.place, fmt::format("{} must be one value, not {}", what, value.KindName()));
    return std::nullopt;
  }
  return Substitute(value.text, value.place, context.environment, context.problems);
}

bool IsMap(const YamlNode& value, const std::string& what, ReadingContext& context) {
  if (value.kind == YamlNode::Kind::kMap || IsNothing(value)) return true;
  context.problems.Error(value.place, fmt::format("{} must be a map: \"key: value\" lines", what));
  return false;
}

Fields::Fields(const YamlNode& map, std::string where, ReadingContext& context)
    : map_(map), where_(std::move(where)), context_(context) {}

const YamlNode* Fields::Take(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  const YamlNode* value = map_.Find(key);
  return value == nullptr || IsNothing(*value) ? nullptr : value;
}

std::optional<std::string> Fields::Text(std::string_view key) {
  const YamlNode* value = Take(key);
  return value == nullptr ? std::nullopt : TextOf(*value, fmt::format("\"{}\"", key), context_);
}

std::optional<std::string> Fields::RequiredText(std::string_view key, std::string_view hint) {
  if (Take(key) == nullptr) {
    context_.problems.Error(PlaceOf(key), fmt::format("{} has no \"{}\"; {}", where_, key, hint));
    return std::nullopt;
  }
  return Text(key);
}

std::optional<std::string> Fields::Secret(std::string_view key) {
  const std::string file_key = std::string{key} + "_file";
  const YamlNode* named = Take(file_key);
  if (named == nullptr) return Text(key);
  if (Take(key) != nullptr) {
    context_.problems.Error(PlaceOf(file_key), fmt::format("{} has both \"{}\" and \"{}\"; give one", where_, key, file_key));
    return std::nullopt;
  }
  const auto written = Text(file_key);
  if (!written) return std::nullopt;
  std::ifstream stream{context_.PathOf(*written)};
  std::string text{std::istreambuf_iterator<char>{stream}, {}};
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  const bool one_line = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' || c < 0; });
  if (text.empty() || !one_line) {
    context_.problems.Error(
        named->place, fmt::format("\"{}\" is empty or cannot be read; it must hold the {} and nothing else", *written, key));
    return std::nullopt;
  }
  return text;
}

std::optional<std::string> Fields::RequiredSecret(std::string_view key, std::string_view hint) {
  const bool in_file = Take(std::string{key} + "_file") != nullptr;
  if (Take(key) != nullptr || in_file) return Secret(key);
  context_.problems.Error(PlaceOf(key), fmt::format("{} has no \"{}\"; {}, or give {}_file", where_, key, hint, key));
  return std::nullopt;
}

std::string Fields::SecretKeyOf(std::string_view key) {
  std::string in_file = std::string{key} + "_file";
  return Take(in_file) != nullptr ? in_file : std::string{key};
}

std::vector<const YamlNode*> Fields::List(std::string_view key) {
  const YamlNode* value = Take(key);
  if (value == nullptr) return {};
  if (value->kind != YamlNode::Kind::kList) {
    context_.problems.Error(value->place, fmt::format("\"{}\" must be a list: [a, b], or lines that begin with \"- \"", key));
    return {};
  }
  std::vector<const YamlNode*> items;
  for (const auto& item : value->items) items.push_back(&item);
  return items;
}

std::vector<const Fields::Entry*> Fields::Map(std::string_view key) {
  const YamlNode* value = Take(key);
  if (value == nullptr || !IsMap(*value, fmt::format("\"{}\"", key), context_)) return {};
  std::vector<const Entry*> entries;
  for (const auto& entry : value->entries) entries.push_back(&entry);
  return entries;
}

void Fields::Read(std::string_view key, bool& into) {
  const auto text = Text(key);
  if (!text) return;
  if (*text == "true" || *text == "false") {
    into = *text == "true";
  } else {
    context_.problems.Error(Take(key)->place, fmt::format("\"{}\" must be true or false", key));
  }
}

void Fields::Read(std::string_view key, std::size_t least, std::size_t most, std::size_t& into) {
  const auto text = Text(key);
  if (!text) return;
  const auto count = ParseCount(*text);
  if (count && *count >= least && *count <= most) {
    into = *count;
  } else {
    context_.problems.Error(Take(key)->place, fmt::format("\"{}\" must be a whole number from {} to {}", key, least, most));
  }
}

void Fields::Read(std::string_view key, ListenAddress& into) {
  const auto text = Text(key);
  if (!text) return;
  if (auto address = ParseListenAddress(*text)) {
    into = std::move(*address);
  } else {
    context_.problems.Error(Take(key)->place,
                            fmt::format("\"{}\" must be an address and a port; write 127.0.0.1:8080 or [::1]:8080", key));
  }
}

std::optional<std::chrono::milliseconds> Fields::DurationOf(std::string_view key) {
  const auto text = Text(key);
  if (!text) return std::nullopt;
  const auto duration = ParseDuration(*text);
  if (duration) return duration;
  if (ParseCount(*text)) {
    context_.problems.Error(Take(key)->place, fmt::format("\"{0}: {1}\" has no unit; write {1}s or {1}m", key, *text));
  } else {
    context_.problems.Error(Take(key)->place,
                            fmt::format("\"{}\" is not a time; write a number with ms, s, m, h or d, as in 30s", key));
  }
  return std::nullopt;
}

mappings::Place Fields::PlaceOf(std::string_view key) const {
  for (const auto& [name, value] : map_.entries) {
    if (name.text == key) return name.place;
  }
  return map_.place;
}

void Fields::Done() {
  for (const auto& [name, value] : map_.entries) {
    if (std::find(known_.begin(), known_.end(), name.text) != known_.end()) continue;
    context_.problems.Error(name.place,
                            fmt::format("unknown key \"{}\" in {}{}", name.text, where_, Suggestion(name.text, known_)));
  }
}

std::vector<std::string> TextsOf(Fields& fields, std::string_view key) {
  std::vector<std::string> texts;
  for (const YamlNode* item : fields.List(key)) {
    if (auto text = TextOf(*item, fmt::format("an element of \"{}\"", key), fields.context())) texts.push_back(std::move(*text));
  }
  return texts;
}

}  // namespace membridge::admin
