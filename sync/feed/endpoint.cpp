#include "sync/feed/endpoint.hpp"

namespace membridge::sync {

nlohmann::json ChangeFilter::AsJson() const {
  nlohmann::json filter = nlohmann::json::object();
  if (!tables.empty()) filter["tables"] = tables;
  if (!mappings.empty()) filter["mappings"] = mappings;
  if (!ops.empty()) filter["ops"] = ops;
  return filter;
}

}  // namespace membridge::sync
