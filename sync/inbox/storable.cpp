#include "sync/inbox/storable.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace membridge::sync {
namespace {

nlohmann::json CleanedJson(const nlohmann::json& value) {
  if (value.is_string()) return Storable(value.get_ref<const std::string&>());
  if (!value.is_structured()) return value;
  nlohmann::json cleaned = value.is_array() ? nlohmann::json::array() : nlohmann::json::object();
  for (const auto& [key, element] : value.items()) {
    if (value.is_array()) {
      cleaned.push_back(CleanedJson(element));
    } else {
      cleaned[Storable(key)] = CleanedJson(element);
    }
  }
  return cleaned;
}

}  // namespace

bool IsStorable(std::string_view text) {
  // A plain char is signed on some processors and unsigned on others.
  if (std::ranges::all_of(text, [](unsigned char c) { return c > 0 && c < 0x80; })) return true;
  if (text.find('\0') != std::string_view::npos) return false;
  try {
    static_cast<void>(nlohmann::json(text).dump());
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

std::string Storable(std::string_view text) {
  if (IsStorable(text)) return std::string{text};
  const std::string dumped = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string valid = nlohmann::json::parse(dumped).get<std::string>();
  std::erase(valid, '\0');
  return valid;
}

std::string StorableJson(const nlohmann::json& value) {
  if (value.is_null()) return "{}";
  try {
    std::string text = value.dump();
    if (text.find("\\u0000") == std::string::npos) return text;
  } catch (const nlohmann::json::type_error&) {
    // Not UTF-8, which is rare in headers: the copy is cleaned below.
  }
  return CleanedJson(value).dump();
}

}  // namespace membridge::sync
