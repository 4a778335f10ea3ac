#include "sync/mem0/api_requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "mappings/base/diagnostic.hpp"
#include "mappings/base/exact_json.hpp"
#include "mappings/base/time.hpp"
#include "sync/mem0/filters.hpp"
#include "sync/mem0/paths.hpp"

namespace membridge::sync::mem0 {
namespace {

using nlohmann::json;
using Type = ApiParameter::Type;
using Place = ApiParameter::Place;

constexpr const char* kNone = "none";
constexpr std::size_t kLongestApiId = 512;
constexpr std::array<std::string_view, 4> kOwnerNames{"user_id", "agent_id", "app_id", "run_id"};

bool IsList(Type type) {
  return type == Type::kTexts || type == Type::kUuids || type == Type::kObjects;
}

std::string ProblemWithText(const ApiParameter& parameter, const json& value) {
  if (!value.is_string()) return "must be text";
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty()) return "must not be empty";
  if (parameter.clears && text == kNone) return {};
  if (!parameter.choices.empty() &&
      std::find(parameter.choices.begin(), parameter.choices.end(), text) == parameter.choices.end())
    return fmt::format("must be one of: {}{}", fmt::join(parameter.choices, ", "), parameter.clears ? ", none" : "");
  switch (parameter.type) {
    case Type::kId:
      if (!paths::FitsSegment(text) || !NamesOneEntity(text) || text.size() > kLongestApiId)
        return "must name one, without / and *";
      return {};
    case Type::kUuid:
      return LooksLikeUuid(text) ? "" : "must be a UUID";
    case Type::kDay:
      return text.size() == 10 && ParseRfc3339(text + "T00:00:00Z") ? "" : "must be a day, as 2026-03-01";
    default:
      return {};
  }
}

std::string ProblemWithNumber(const ApiParameter& parameter, const json& value) {
  if (parameter.type == Type::kShare) {
    const json plain = mappings::WithPlainNumbers(value);
    return plain.is_number() && plain.get<double>() >= 0 && plain.get<double>() <= 1 ? "" : "must be a number from 0 to 1";
  }
  if (!value.is_number_integer() || value.get<std::int64_t>() < 1) return "must be a whole number from 1";
  if (parameter.most != 0 && value.get<std::int64_t>() > parameter.most) return fmt::format("must be at most {}", parameter.most);
  return {};
}

std::string ProblemWithList(const ApiParameter& parameter, const json& value) {
  if (!value.is_array()) return "must be a list";
  if (value.empty()) return "must not be empty";
  if (parameter.most != 0 && value.size() > static_cast<std::size_t>(parameter.most))
    return fmt::format("takes at most {}", parameter.most);
  for (std::size_t i = 0; i < value.size(); ++i) {
    const bool fits = parameter.type == Type::kObjects ? value[i].is_object()
                      : parameter.type == Type::kUuids ? value[i].is_string() && LooksLikeUuid(value[i].get<std::string>())
                                                       : value[i].is_string();
    if (!fits)
      return fmt::format("[{}] must be {}", i,
                         parameter.type == Type::kObjects ? "an object"
                         : parameter.type == Type::kUuids ? "a UUID"
                                                          : "text");
  }
  return {};
}

/// Looks into the objects of a list whose members are fixed.
std::string ProblemWithMembers(const ApiParameter& parameter, const json& list) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const json& one = list[i];
    const auto is_text = [&](const char* member) { return one.contains(member) && one[member].is_string(); };
    if (parameter.name == "memories" && (!is_text("memory_id") || !LooksLikeUuid(one["memory_id"].get<std::string>())))
      return fmt::format("[{}].memory_id must be a UUID", i);
    if (parameter.name == "memories" && !is_text("text")) return fmt::format("[{}].text is needed", i);
    if (parameter.name == "messages" && !is_text("role")) return fmt::format("[{}].role is needed: user, assistant or system", i);
    if (parameter.name == "messages" && !is_text("content")) return fmt::format("[{}].content is needed", i);
  }
  return {};
}

std::string ProblemWithValue(const ApiParameter& parameter, const json& value) {
  if (IsList(parameter.type)) {
    std::string problem = ProblemWithList(parameter, value);
    return problem.empty() && parameter.type == Type::kObjects ? ProblemWithMembers(parameter, value) : problem;
  }
  switch (parameter.type) {
    case Type::kWhole:
    case Type::kShare:
      return ProblemWithNumber(parameter, value);
    case Type::kFlag:
      return value.is_boolean() ? "" : "must be true or false";
    case Type::kObject:
      return value.is_object() ? "" : "must be an object";
    default:
      return ProblemWithText(parameter, value);
  }
}

/// Replaces `{entity_type}` by its value.
std::string WithType(std::string text, const json& arguments) {
  constexpr std::string_view kHole = "{entity_type}";
  if (const auto hole = text.find(kHole); hole != std::string::npos)
    text.replace(hole, kHole.size(), arguments.value("entity_type", ""));
  return text;
}

std::string SentName(const ApiParameter& parameter, const json& arguments) {
  return WithType(std::string{parameter.sent_as.empty() ? parameter.name : parameter.sent_as}, arguments);
}

json SentValue(const ApiParameter& parameter, const json& value) {
  if (parameter.clears && value == kNone) return nullptr;
  if (parameter.type != Type::kUuids) return value;
  json objects = json::array();
  for (const json& id : value) objects.push_back({{"memory_id", id}});
  return objects;
}

std::string TextInQuery(const json& value) {
  return paths::Encode(value.is_string() ? value.get<std::string>() : mappings::ExactText(value));
}

/// Returns the value of an id in the path; the API key's own where it is left out or `current`.
std::string PathValue(const ApiParameter& parameter, const json& arguments, const Account& own) {
  const std::string given = arguments.value(std::string{parameter.name}, std::string{kOwn});
  const bool is_own = given == kOwn && (parameter.name == "org_id" || parameter.name == "project_id");
  if (!is_own) return given;
  return parameter.name == "org_id" ? own.org_id : own.project_id;
}

/// Returns the part of an error's message that Mem0 said.
std::string WordsOfMem0(const std::string& message) {
  constexpr std::string_view kAnswered = "Mem0 answered ";
  const auto answered = message.find(kAnswered);
  if (answered == std::string::npos) return message;
  const auto colon = message.find(": ", answered);
  return colon == std::string::npos ? message : message.substr(colon + 2);
}

/// Whether a text holds a name as a whole word.
bool HasWord(const std::string& text, const std::string& name) {
  const auto is_part = [&](std::size_t at) {
    return at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) != 0 || text[at] == '_');
  };
  for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    if (!is_part(at + name.size()) && (at == 0 || !is_part(at - 1))) return true;
  }
  return false;
}

}  // namespace

ArgumentProblems ProblemsWith(const ApiOperation& operation, const json& arguments) {
  ArgumentProblems problems;
  for (const auto& [name, value] : arguments.items()) {
    const ApiParameter* parameter = operation.Find(name);
    if (parameter == nullptr) {
      std::vector<std::string> names;
      for (const ApiParameter& each : operation.parameters) names.emplace_back(each.name);
      problems[name] = "there is no such parameter" + mappings::DidYouMean(name, names);
    } else if (std::string problem = ProblemWithValue(*parameter, value); !problem.empty()) {
      problems[name] = std::move(problem);
    }
  }
  for (const ApiParameter& parameter : operation.parameters) {
    if (parameter.required && !arguments.contains(parameter.name)) problems.emplace(parameter.name, "is needed");
  }
  const bool has_one = operation.one_of.empty() || std::any_of(operation.one_of.begin(), operation.one_of.end(),
                                                               [&](std::string_view name) { return arguments.contains(name); });
  if (!has_one)
    problems.emplace(operation.one_of.front(), fmt::format("is needed, or another of: {}", fmt::join(operation.one_of, ", ")));
  return problems;
}

bool NeedsAccount(const ApiOperation& operation, const json& arguments) {
  return std::any_of(operation.parameters.begin(), operation.parameters.end(), [&](const ApiParameter& parameter) {
    const bool may_be_own = parameter.place == Place::kPath && (parameter.name == "org_id" || parameter.name == "project_id");
    return may_be_own && arguments.value(std::string{parameter.name}, std::string{kOwn}) == kOwn;
  });
}

json FilterOf(const ApiOperation& operation, const json& arguments) {
  json conditions = json::array();
  for (const std::string_view owner : kOwnerNames) {
    if (arguments.contains(owner)) conditions.push_back({{std::string{owner}, arguments.at(std::string{owner})}});
  }
  if (arguments.contains("entity_type"))
    conditions.push_back({{arguments.at("entity_type").get<std::string>() + "_id", arguments.value("entity_id", "")}});
  if (operation.Find("filters") != nullptr && arguments.contains("filters")) conditions.push_back(arguments.at("filters"));
  return conditions.empty() ? Filter::Everything().Document() : json{{"AND", std::move(conditions)}};
}

ApiRequest RequestFor(const ApiOperation& operation, const json& arguments, const Account& own) {
  ApiRequest request{.path = std::string{operation.path}};
  std::string query;
  bool filters = false;
  for (const ApiParameter& parameter : operation.parameters) {
    const std::string name{parameter.name};
    filters = filters || parameter.place == Place::kFilter;
    if (parameter.place == Place::kPath) {
      const std::string hole = "{" + name + "}";
      if (const auto at = request.path.find(hole); at != std::string::npos)
        request.path.replace(at, hole.size(), paths::Encode(PathValue(parameter, arguments, own)));
    }
    if (!arguments.contains(name)) continue;
    if (parameter.place == Place::kQuery)
      query += fmt::format("{}{}={}", query.empty() ? "?" : "&", name, TextInQuery(arguments.at(name)));
    if (parameter.place == Place::kBody) request.body[SentName(parameter, arguments)] = SentValue(parameter, arguments.at(name));
  }
  const bool by_id = arguments.contains("memory_export_id");
  if (filters && !by_id) request.body["filters"] = FilterOf(operation, arguments);
  // Mem0 wants a name for all but users.
  if (operation.noun == "entity" && operation.verb == "add" && arguments["entity_type"] != "user" && !arguments.contains("name"))
    request.body["name"] = arguments["entity_id"];
  request.path += query;
  return request;
}

json IdsIn(const ApiOperation& operation, const json& arguments) {
  json ids = json::object();
  for (const ApiParameter& parameter : operation.parameters) {
    const std::string name{parameter.name};
    const bool is_id = parameter.type == Type::kUuid || parameter.type == Type::kUuids || name == "email" || name == "role" ||
                       (parameter.type == Type::kId && name != "entity_id");
    if (is_id && arguments.contains(name)) ids[name] = arguments.at(name);
  }
  if (operation.Find("memories") != nullptr) {
    for (const MemoryId& memory : MemoriesIn(operation, arguments)) ids["memory_ids"].push_back(memory.Text());
  }
  return ids;
}

std::vector<MemoryId> MemoriesIn(const ApiOperation& operation, const json& arguments) {
  std::set<std::string> ids;
  for (const std::string_view name : operation.about) {
    const json value = arguments.value(std::string{name}, json());
    if (value.is_string()) ids.insert(value.get<std::string>());
    if (!value.is_array()) continue;
    for (const json& one : value) {
      if (one.is_string()) ids.insert(one.get<std::string>());
      if (one.is_object()) ids.insert(one.value("memory_id", ""));
    }
  }
  std::vector<MemoryId> memories;
  for (const std::string& id : ids) memories.emplace_back(id);
  return memories;
}

ArgumentProblems ByParameter(const ApiOperation& operation, const json& arguments, const Failure& failure,
                             const std::string& message) {
  ArgumentProblems problems;
  const auto ours = [&](const std::string& field) {
    for (const ApiParameter& parameter : operation.parameters) {
      if (SentName(parameter, arguments) == field) return std::string{parameter.name};
    }
    return field;
  };
  for (const auto& [field, words] : failure.fields) problems[ours(field)] = words;
  if (!problems.empty() || failure.status != 400) return problems;
  const std::string words = WordsOfMem0(message);
  const auto named = [&](bool given) {
    const auto found = std::find_if(operation.parameters.begin(), operation.parameters.end(), [&](const ApiParameter& parameter) {
      return arguments.contains(parameter.name) == given && HasWord(words, SentName(parameter, arguments));
    });
    return found == operation.parameters.end() ? std::string{} : std::string{found->name};
  };
  std::string parameter = named(true);
  // What Mem0 says of a filter names its rules and not the parameter.
  if (parameter.empty() && arguments.contains("filters")) parameter = "filters";
  if (parameter.empty()) parameter = named(false);
  if (!parameter.empty()) problems[parameter] = words;
  return problems;
}

}  // namespace membridge::sync::mem0
