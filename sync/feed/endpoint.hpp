#pragma once

#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sync/feed/signer.hpp"

namespace membridge::sync {

/// Which entries of the change feed are meant; an empty list means all.
struct ChangeFilter {
  std::vector<std::string> tables;    ///< `schema.name`
  std::vector<std::string> mappings;  ///< by name
  std::vector<std::string> ops;       ///< insert, update, delete

  /// `{"tables": […], "mappings": […], "ops": […]}`, without empty lists.
  nlohmann::json AsJson() const;
};

/// An entry of `feeds`: who is told of changes.
struct Endpoint {
  std::string name;
  std::string url;  ///< secret: the path of a flow tool's address is its password
  std::shared_ptr<const Signer> signer;
  ChangeFilter filter{};
  std::size_t batch = 1;  ///< changes per message at most; with 1, a message is one change
};

/// Returns why an address cannot be an endpoint's; empty when it can.
std::string ProblemWithEndpoint(const std::string& url);
/// `https://hooks.example.com`: as much of an address as may be shown and logged.
std::string ShownAddress(const std::string& url);

}  // namespace membridge::sync
