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

/// One operation of the admin API as a tool of the Model Context Protocol.
struct Tool {
  std::string name;                      ///< `retry_parked`, of the operation `retryParked`
  Role role = Role::kAdmin;              ///< the role that a caller needs
  nlohmann::ordered_json description{};  ///< as in the answer to `tools/list`
  const api::Operation* operation = nullptr;
};

/// The tools for agents: every operation of the API's document except those with `x-no-tool`, which gives the reason. The inputs
/// of a tool are the parameters of path and query and the fields of the body, with their own names. Immutable and thread-safe.
class Tools {
 public:
  /// `document` outlives it. Throws std::logic_error when two inputs of an operation have one name.
  explicit Tools(const api::Document& document);

  /// All tools, in the document's order.
  const std::vector<Tool>& All() const { return tools_; }
  /// Returns the answer to `tools/list` for a caller with this role.
  nlohmann::ordered_json ListFor(Role role) const;
  /// Returns the tool of this name; nullptr when there is none.
  const Tool* Find(std::string_view name) const;
  std::string DidYouMean(const std::string& name) const;

  /// Returns the API's request (method, target, query, body) for a call with these arguments, which are an object. Reports
  /// arguments that the operation does not have, and missing parameters of the path. The API itself reports all other problems.
  static receiver::http::Request RequestFor(const Tool& tool, const nlohmann::json& arguments, api::FieldProblems& problems);

 private:
  std::vector<Tool> tools_;
};

}  // namespace membridge::admin::mcp
