#include "admin/commands/mem0_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>

#include "mappings/base/exact_json.hpp"

namespace membridge::admin {
namespace {

using nlohmann::json;
using sync::mem0::ApiOperation;
using sync::mem0::ApiParameter;
using Type = ApiParameter::Type;

bool StandsAlone(const ApiParameter& parameter) {
  static const std::set<std::string_view> kAlone{"memory_id", "entity_id", "query", "messages"};
  return parameter.required && (parameter.place == ApiParameter::Place::kPath || kAlone.contains(parameter.name));
}

/// A project or an organization may be left out: it is the API key's own then.
bool MayBeOwn(const ApiParameter& parameter) {
  return parameter.place == ApiParameter::Place::kPath && (parameter.name == "project_id" || parameter.name == "org_id");
}

std::string OptionName(const ApiParameter& parameter) {
  std::string name{parameter.name};
  if (StandsAlone(parameter)) return name;
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

std::string HelpFor(const ApiParameter& parameter) {
  std::string text{parameter.text};
  if (!parameter.choices.empty()) text += fmt::format(": {}", fmt::join(parameter.choices, ", "));
  if (parameter.type == Type::kTexts || parameter.type == Type::kUuids) text += "; parted by commas";
  const bool is_json = parameter.type == Type::kObject || parameter.type == Type::kObjects;
  if (is_json && parameter.name != "messages") text += "; JSON, or @FILE";
  if (parameter.name == "messages")
    text = "What a user said; or JSON, or @FILE: [{\"role\": \"user\", \"content\": \"I like tea\"}]";
  return text;
}

Result<std::string> ContentOf(const std::string& text) {
  if (!text.starts_with('@')) return text;
  if (text == "@-") return std::string{std::istreambuf_iterator<char>{std::cin}, {}};
  std::ifstream file{text.substr(1)};
  if (!file) return Fail(ErrorCode::kRefused, "cannot read " + text.substr(1));
  return std::string{std::istreambuf_iterator<char>{file}, {}};
}

Result<json> ValueOf(const ApiParameter& parameter, const std::string& text) {
  if (parameter.type == Type::kWhole || parameter.type == Type::kShare) return mappings::NumberFrom(text).value_or(json(text));
  if (parameter.type != Type::kObject && parameter.type != Type::kObjects) return json(text);
  const auto content = ContentOf(text);
  if (!content) return tl::unexpected<Error>(content.error());
  json value = mappings::ParseExact(*content);
  const bool is_said = parameter.name == "messages" && (value.is_discarded() || !value.is_array());
  if (is_said) return json::array({json{{"role", "user"}, {"content", *content}}});
  return value.is_discarded() ? json(*content) : value;
}

}  // namespace

std::string Mem0Arguments::NameOnLine(const ApiOperation& operation, const std::string& parameter) {
  const ApiParameter* found = operation.Find(parameter);
  return found == nullptr ? parameter : OptionName(*found);
}

void Mem0Arguments::AddTo(CLI::App& command) {
  for (const ApiParameter& parameter : operation_.parameters) {
    const std::string name{parameter.name};
    const std::string option = OptionName(parameter);
    if (parameter.type == Type::kFlag) {
      options_[name] = command.add_flag(option, flags_[name], HelpFor(parameter));
    } else if (parameter.type == Type::kTexts || parameter.type == Type::kUuids) {
      options_[name] = command.add_option(option, lists_[name], HelpFor(parameter))->delimiter(',')->required(parameter.required);
    } else {
      options_[name] =
          command.add_option(option, texts_[name], HelpFor(parameter))->required(parameter.required && !MayBeOwn(parameter));
    }
  }
}

Result<json> Mem0Arguments::Read() const {
  json arguments = json::object();
  for (const ApiParameter& parameter : operation_.parameters) {
    const std::string name{parameter.name};
    if (options_.at(name)->count() == 0) {
      if (MayBeOwn(parameter) && parameter.required) arguments[name] = "current";
      continue;
    }
    if (parameter.type == Type::kFlag) {
      arguments[name] = flags_.at(name);
    } else if (const auto list = lists_.find(name); list != lists_.end()) {
      arguments[name] = list->second;
    } else {
      const auto value = ValueOf(parameter, texts_.at(name));
      if (!value) return Within(value.error(), OptionName(parameter));
      arguments[name] = *value;
    }
  }
  return arguments;
}

}  // namespace membridge::admin
