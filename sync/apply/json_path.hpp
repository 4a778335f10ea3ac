#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sync/apply/settle.hpp"

namespace membridge::sync {

/// A way through the objects of a json document; empty is the document itself.
using JsonPath = std::vector<std::string>;

/// What stands after the first `length` steps; null when they lead nowhere.
const nlohmann::json* At(const nlohmann::json& document, const JsonPath& path, std::size_t length);
const nlohmann::json* At(const nlohmann::json& document, const JsonPath& path);

/// The place a value is put, with objects made on its way; whatever else stood in the way is replaced.
nlohmann::json& PlaceAt(nlohmann::json& document, const JsonPath& path);

/// A write into a json column at a path, without touching its siblings.
struct PathEdit {
  JsonPath path;  ///< not empty
  Content value;  ///< nothing removes what stands there
};

void Apply(const PathEdit& edit, nlohmann::json& document);

}  // namespace membridge::sync
