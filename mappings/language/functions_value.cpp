#include <phonenumbers/phonenumberutil.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "mappings/base/digest.hpp"
#include "mappings/base/exact_json.hpp"
#include "mappings/base/time.hpp"
#include "mappings/base/utf8.hpp"
#include "mappings/language/email_address.hpp"
#include "mappings/language/functions.hpp"

namespace membridge::mappings::function {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestNumber = 64;
constexpr std::size_t kLongestPhone = 64;
/// The namespace of `uuid5` without an argument: the version 5 UUID of "membridge" in the DNS namespace. It never changes.
constexpr std::string_view kOwnNamespace = "fac1460d-b6d8-53d7-a198-ebfbec69efaa";

struct KnownNamespace {
  std::string_view name;
  std::string_view uuid;
};
constexpr KnownNamespace kKnownNamespaces[] = {
    {"dns", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
    {"url", "6ba7b811-9dad-11d1-80b4-00c04fd430c8"},
    {"oid", "6ba7b812-9dad-11d1-80b4-00c04fd430c8"},
    {"x500", "6ba7b814-9dad-11d1-80b4-00c04fd430c8"},
};

std::string NamespaceOf(const std::optional<std::string>& given) {
  if (!given) return std::string{kOwnNamespace};
  if (IsUuid(*given)) return *given;
  for (const auto& known : kKnownNamespaces) {
    if (known.name == *given) return std::string{known.uuid};
  }
  return mappings::Uuid5(kOwnNamespace, *given).value();
}

/// Whether the text is `-?digits[.digits][e±digits]`. A leading + is also allowed, because people write it.
bool SpellsNumber(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t start = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i > start;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  if (!digits()) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (!digits()) return false;
  }
  return i == text.size();
}

std::string RegionOf(const std::optional<std::string>& country) {
  using i18n::phonenumbers::PhoneNumberUtil;
  if (!country || country->empty()) return "ZZ";
  const std::string_view code = country->front() == '+' ? std::string_view{*country}.substr(1) : std::string_view{*country};
  int calling_code = 0;
  const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), calling_code);
  if (error != std::errc{} || end != code.data() + code.size()) return *country;
  std::string region;
  PhoneNumberUtil::GetInstance()->GetRegionCodeForCountryCode(calling_code, &region);
  return region;
}

}  // namespace

Value Email(const Value& value, const Arguments&) {
  return OverText(value, [](const std::string& text) -> Value {
    auto address = EmailAddressIn(text);
    if (!address) return std::nullopt;
    return std::move(*address);
  });
}

Value Phone(const Value& value, const Arguments& arguments) {
  using i18n::phonenumbers::PhoneNumber;
  using i18n::phonenumbers::PhoneNumberUtil;
  const std::string region = RegionOf(arguments.TextAt(0));
  return OverText(value, [&](const std::string& text) -> Value {
    const std::string_view trimmed = Trimmed(text);
    if (trimmed.empty() || trimmed.size() > kLongestPhone) return std::nullopt;
    const PhoneNumberUtil& util = *PhoneNumberUtil::GetInstance();
    PhoneNumber number;
    if (util.Parse(std::string{trimmed}, region, &number) != PhoneNumberUtil::NO_PARSING_ERROR) return std::nullopt;
    if (!util.IsValidNumber(number)) return std::nullopt;
    std::string formatted;
    util.Format(number, PhoneNumberUtil::E164, &formatted);
    return formatted;
  });
}

// Keeps all digits, including zeros at the end of the fraction. Drops leading zeros.
Value Number(const Value& value, const Arguments&) {
  if (IsNumber(*value)) return value;
  if (value->is_boolean()) return std::nullopt;
  return OverText(value, [](const std::string& given) -> Value {
    std::string_view text = Trimmed(given);
    if (text.size() > kLongestNumber || !SpellsNumber(text)) return std::nullopt;
    const bool negative = text.front() == '-';
    if (negative || text.front() == '+') text.remove_prefix(1);
    while (text.size() > 1 && text.front() == '0' && text[1] >= '0' && text[1] <= '9') text.remove_prefix(1);
    return NumberFrom((negative ? "-" : "") + std::string{text});
  });
}

Value Date(const Value& value, const Arguments&) {
  return OverText(value, [](const std::string& given) -> Value {
    const std::string_view text = Trimmed(given);
    if (const auto day = ParseDay(text)) return FormatDay(*day);
    if (const auto instant = ParseRfc3339(text)) return FormatDay(std::chrono::floor<std::chrono::days>(*instant));
    return std::nullopt;
  });
}

Value Uuid5(const Value& value, const Arguments& arguments) {
  const std::string name_space = NamespaceOf(arguments.TextAt(0));
  if (arguments.Count() < 2) {
    return OverText(value, [&](const std::string& text) -> Value { return mappings::Uuid5(name_space, text).value(); });
  }
  json rest = json::array();
  for (std::size_t i = 1; i < arguments.Count(); ++i) {
    Value argument = arguments.At(i);
    if (!argument || argument->is_null()) return std::nullopt;
    rest.push_back(std::move(*argument));
  }
  const auto id_of = [&](const json& first) -> Value {
    json all = json::array({first});
    all.insert(all.end(), rest.begin(), rest.end());
    return mappings::Uuid5(name_space, ExactText(all)).value();
  };
  if (!value->is_array()) return id_of(*value);
  json ids = json::array();
  for (const json& element : *value) ids.push_back(*id_of(element));
  return ids;
}

Value Sha256(const Value& value, const Arguments&) {
  if (value->is_string()) return Sha256Hex(value->get_ref<const std::string&>());
  return Sha256Hex(ExactText(*value));
}

}  // namespace membridge::mappings::function
