#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "admin/api/document.hpp"
#include "admin/api/schema_check.hpp"
#include "receiver/http/message.hpp"

namespace membridge::admin::mcp {

/// One operation of the admin API, as the Model Context Protocol describes a tool.
struct Tool {
  std::string name;                      ///< `retry_parked`, of the operation `retryParked`
  Role role = Role::kAdmin;              ///< that a caller needs
  nlohmann::ordered_json description{};  ///< as `tools/list` answers it
  const api::Operation* operation = nullptr;
};

/// The tools that agents are given: every operation of the API's document but those that say `x-no-tool`, with why. What a tool
/// takes are the parameters of path and query and the fields of the body, under their own names. Immutable, thread-safe.
class Tools {
 public:
  /// `document` outlives it. Throws std::logic_error when two inputs of an operation have one name.
  explicit Tools(const api::Document& document);

  /// In the document's order.
  const std::vector<Tool>& All() const { return tools_; }
  /// As `tools/list` answers it to somebody with this role.
  nlohmann::ordered_json ListFor(Role role) const;
  /// nullptr: there is none of this name.
  const Tool* Find(std::string_view name) const;
  std::string DidYouMean(const std::string& name) const;

  /// The API's request (method, target, query, body) for a call with these arguments, an object. Arguments that have no place in
  /// a request, and parameters of the path that are missing, become problems; whatever else is wrong, the API says.
  static receiver::http::Request RequestFor(const Tool& tool, const nlohmann::json& arguments, api::FieldProblems& problems);

 private:
  std::vector<Tool> tools_;
};

}  // namespace membridge::admin::mcp
