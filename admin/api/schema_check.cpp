#include "admin/api/schema_check.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <stdexcept>
#include <vector>

#include "mappings/base/diagnostic.hpp"
#include "mappings/base/utf8.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::json;

bool IsOfType(const json& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "null") return value.is_null();
  throw std::logic_error("unknown type in a schema");
}

std::string Phrase(std::string_view type) {
  if (type == "string") return "text";
  if (type == "integer") return "a whole number";
  if (type == "boolean") return "true or false";
  if (type == "array") return "a list";
  if (type == "object") return "an object";
  return std::string{type};
}

class Checker {
 public:
  Checker(const json& root, FieldProblems& problems) : root_(root), problems_(problems) {}

  void Check(const json& value, const json& given_schema, const std::string& name) {
    const json& schema = Resolved(given_schema, root_);
    for (const auto& [keyword, rule] : schema.items()) {
      if (!Known().contains(keyword)) throw std::logic_error("a schema uses " + keyword + ", which is not checked");
    }
    if (const auto type = schema.find("type"); type != schema.end() && !IsOfType(value, type->get<std::string>())) {
      return Tell(name, "must be " + Phrase(type->get<std::string>()));
    }
    if (const auto one_of = schema.find("enum");
        one_of != schema.end() && std::find(one_of->begin(), one_of->end(), value) == one_of->end()) {
      return Tell(name, "must be " + Choices(*one_of));
    }
    if (value.is_object()) CheckObject(value, schema, name);
    if (value.is_array()) CheckArray(value, schema, name);
    if (value.is_string()) CheckText(value.get_ref<const std::string&>(), schema, name);
    if (value.is_number_integer()) CheckNumber(value.get<std::int64_t>(), schema, name);
  }

 private:
  static const std::set<std::string>& Known() {
    static const std::set<std::string> kKnown{
        "type",      "enum",    "required", "properties", "additionalProperties", "items",  "minItems", "maxItems", "minLength",
        "maxLength", "minimum", "maximum",  "pattern",    "description",          "format", "default"};
    return kKnown;
  }

  void Tell(const std::string& name, std::string problem) { problems_.emplace(name.empty() ? "body" : name, std::move(problem)); }

  static std::string Choices(const json& one_of) {
    std::string text;
    for (const json& choice : one_of) text += (text.empty() ? "" : ", ") + choice.get<std::string>();
    return "one of: " + text;
  }

  void CheckObject(const json& value, const json& schema, const std::string& name) {
    const json properties = schema.value("properties", json::object());
    const auto named = [&](const std::string& field) { return name.empty() ? field : name + "." + field; };
    for (const auto& required : schema.value("required", json::array())) {
      if (!value.contains(required)) Tell(named(required), "is needed");
    }
    for (const auto& [field, content] : value.items()) {
      if (const auto known = properties.find(field); known != properties.end()) {
        Check(content, *known, named(field));
      } else if (schema.value("additionalProperties", json(true)) == json(false)) {
        std::vector<std::string> names;
        for (const auto& [each, ignored] : properties.items()) names.push_back(each);
        Tell(named(field), "there is no such field" + mappings::DidYouMean(field, names));
      }
    }
  }

  void CheckArray(const json& value, const json& schema, const std::string& name) {
    if (value.size() < schema.value("minItems", std::size_t{0}))
      return Tell(name, fmt::format("needs at least {}", schema["minItems"].get<int>()));
    if (schema.contains("maxItems") && value.size() > schema["maxItems"])
      return Tell(name, fmt::format("takes at most {}", schema["maxItems"].get<int>()));
    if (!schema.contains("items")) return;
    for (std::size_t i = 0; i < value.size(); ++i) Check(value[i], schema["items"], fmt::format("{}[{}]", name, i));
  }

  void CheckText(const std::string& text, const json& schema, const std::string& name) {
    if (text.find('\0') != std::string::npos || mappings::FirstBadByte(text) != std::string_view::npos)
      return Tell(name, "must be UTF-8 without NUL");
    const std::size_t length = mappings::CountCharacters(text);
    if (length < schema.value("minLength", std::size_t{0})) return Tell(name, "must not be empty");
    if (schema.contains("maxLength") && length > schema["maxLength"])
      return Tell(name, fmt::format("takes at most {} characters", schema["maxLength"].get<int>()));
    // Check the pattern only after the length, so that texts are short. The patterns come from the document.
    if (schema.contains("pattern") && !re2::RE2::PartialMatch(text, schema["pattern"].get<std::string>()))
      Tell(name, "must look like " + schema["pattern"].get<std::string>());
  }

  void CheckNumber(std::int64_t number, const json& schema, const std::string& name) {
    if (schema.contains("minimum") && number < schema["minimum"])
      return Tell(name, fmt::format("must be at least {}", schema["minimum"].get<std::int64_t>()));
    if (schema.contains("maximum") && number > schema["maximum"])
      Tell(name, fmt::format("must be at most {}", schema["maximum"].get<std::int64_t>()));
  }

  const json& root_;
  FieldProblems& problems_;
};

}  // namespace

std::string InWords(const FieldProblems& problems) {
  std::string words;
  for (const auto& [field, problem] : problems) words.append(words.empty() ? "" : "; ").append(field).append(" ").append(problem);
  return words;
}

const json& Resolved(const json& schema, const json& root) {
  const auto ref = schema.find("$ref");
  if (ref == schema.end()) return schema;
  return Resolved(root.at(json::json_pointer{ref->get<std::string>().substr(1)}), root);
}

void CheckValue(const json& value, const json& schema, const json& root, const std::string& name, FieldProblems& problems) {
  Checker{root, problems}.Check(value, schema, name);
}

json ReadAs(const std::string& text, const json& schema) {
  const std::string type = schema.value("type", "string");
  if (type == "boolean" && (text == "true" || text == "false")) return text == "true";
  if (type != "integer") return text;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? json(number) : json(text);
}

}  // namespace membridge::admin::api
