#include "sync/backfill/export_answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "mappings/base/exact_json.hpp"
#include "mappings/base/letter_case.hpp"
#include "mappings/memory.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;

// What language models write for "no value".
constexpr std::array<std::string_view, 5> kNothing{"", "none", "null", "n/a", "nan"};

// Members in which some answers are wrapped, although the documentation does not mention them.
constexpr std::array<const char*, 4> kWrappers{"data", "export", "result", "profile"};

/// The type asked for: the half of `anyOf` that is not null.
const json& AskedFor(const json& property) {
  static const json kAnything = json::object();
  if (!property.contains("anyOf")) return property;
  for (const json& half : property.at("anyOf")) {
    if (half.value("type", std::string{}) != "null") return half;
  }
  return kAnything;
}

bool MeansNothing(const json& value, const json& asked) {
  if (value.is_null()) return true;
  if (!value.is_string()) return false;
  const auto text = value.get<std::string>();
  if (asked.contains("enum") && std::find(asked["enum"].begin(), asked["enum"].end(), value) != asked["enum"].end()) return false;
  return std::find(kNothing.begin(), kNothing.end(), LoweredAscii(text)) != kNothing.end();
}

/// Returns nothing when there is no value. A whole number written as 8.0 becomes 8.
std::optional<json> Meant(const json& value, const json& asked) {
  if (MeansNothing(value, asked)) return std::nullopt;
  const std::string type = asked.value("type", std::string{});
  if (type == "integer" && mappings::IsNumber(value)) {
    const std::string digits = mappings::ExactText(value);
    const std::size_t point = digits.find('.');
    const bool whole = point != std::string::npos && digits.find_first_not_of('0', point + 1) == std::string::npos;
    if (whole) return mappings::NumberFrom(digits.substr(0, point));
  }
  if (type == "array" && value.is_array()) {
    const json items = asked.value("items", json::object());
    json kept = json::array();
    for (const json& element : value) {
      if (auto meant = Meant(element, items)) kept.push_back(std::move(*meant));
    }
    return kept;
  }
  return value;
}

json WithoutBounds(json schema) {
  if (schema.is_object()) {
    for (const char* bound : {"maxLength", "minLength", "format", "default", "description"}) schema.erase(bound);
  }
  if (schema.is_object() || schema.is_array()) {
    for (json& part : schema) part = WithoutBounds(std::move(part));
  }
  return schema;
}

bool Fits(const json& value, const json& property) {
  const json loose = WithoutBounds(property);
  const valijson::adapters::NlohmannJsonAdapter schema_document(loose);
  valijson::Schema schema;
  valijson::SchemaParser{}.populateSchema(schema_document, schema);
  const json plain = mappings::WithPlainNumbers(value);
  const valijson::adapters::NlohmannJsonAdapter target(plain);
  return valijson::Validator{}.validate(schema, target, nullptr);
}

const json& Unwrapped(const json& answer, const json& properties) {
  if (answer.size() != 1) return answer;
  for (const char* wrapper : kWrappers) {
    if (answer.contains(wrapper) && answer[wrapper].is_object() && !properties.contains(wrapper)) return answer[wrapper];
  }
  return answer;
}

std::string Describe(const json& asked) {
  if (asked.contains("enum")) return "one of the values asked for";
  return asked.value("type", std::string{"something else"});
}

}  // namespace

Result<ExportAnswer> ReadExportAnswer(const json& raw, const json& schema) {
  if (!raw.is_object()) {
    return Fail(ErrorCode::kRowRejected, fmt::format("the export is {}, not an object", mappings::KindOf(raw)),
                "Mem0 answers the filled schema");
  }
  const auto storable = mappings::Storable(raw);
  if (!storable) return Fail(ErrorCode::kRowRejected, storable.error().message, storable.error().hint);
  const json& properties = schema.at("properties");
  const json& answer = Unwrapped(*storable, properties);

  ExportAnswer read;
  std::string misfits;
  for (const auto& [name, value] : answer.items()) {
    if (!properties.contains(name)) {
      ++read.extra_keys;
      continue;
    }
    const json& asked = AskedFor(properties[name]);
    auto meant = Meant(value, asked);
    if (!meant) continue;
    if (!Fits(*meant, properties[name])) {
      misfits +=
          fmt::format("{}\"{}\" is {}, asked for was {}", misfits.empty() ? "" : "; ", name,
                      asked.contains("enum") && meant->is_string() ? "another text" : mappings::KindOf(*meant), Describe(asked));
      continue;
    }
    read.values[name] = std::move(*meant);
  }
  if (!misfits.empty()) {
    return Fail(ErrorCode::kRowRejected, "the export does not fit: " + misfits,
                "describe in `ask` more exactly what is wanted; the next run asks for it again");
  }
  return read;
}

}  // namespace membridge::sync
