#include "sync/apply/json_path.hpp"

namespace membridge::sync {

using nlohmann::json;

const json* At(const json& document, const JsonPath& path, std::size_t length) {
  const json* at = &document;
  for (std::size_t i = 0; i < length; ++i) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(path[i]);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

const json* At(const json& document, const JsonPath& path) {
  return At(document, path, path.size());
}

json& PlaceAt(json& document, const JsonPath& path) {
  json* at = &document;
  for (const std::string& step : path) {
    if (!at->is_object()) *at = json::object();
    at = &(*at)[step];
  }
  return *at;
}

void Apply(const PathEdit& edit, json& document) {
  if (edit.value) {
    PlaceAt(document, edit.path) = *edit.value;
    return;
  }
  json* parent = &document;
  for (std::size_t i = 0; i + 1 < edit.path.size(); ++i) {
    if (!parent->is_object() || !parent->contains(edit.path[i])) return;
    parent = &(*parent)[edit.path[i]];
  }
  if (parent->is_object()) parent->erase(edit.path.back());
}

}  // namespace membridge::sync
