#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sync/apply/settle.hpp"

namespace membridge::sync {

/// A path through the objects of a json document. Empty: the document itself.
using JsonPath = std::vector<std::string>;

/// Returns the value after the first `length` steps of the path; nullptr when it does not exist.
const nlohmann::json* At(const nlohmann::json& document, const JsonPath& path, std::size_t length);
const nlohmann::json* At(const nlohmann::json& document, const JsonPath& path);

/// Returns the place for a value. Makes missing objects on the path and replaces values on it that are not objects.
nlohmann::json& PlaceAt(nlohmann::json& document, const JsonPath& path);

/// A write at a path inside a json column, which leaves the path's siblings alone.
struct PathEdit {
  JsonPath path;  ///< not empty
  Content value;  ///< nothing: removes the value at the path
};

void Apply(const PathEdit& edit, nlohmann::json& document);

}  // namespace membridge::sync
