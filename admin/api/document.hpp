#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "admin/api/schema_check.hpp"
#include "admin/config/role.hpp"
#include "receiver/http/path_pattern.hpp"

namespace membridge::admin::api {

/// Every path of the document stands below this one.
inline constexpr std::string_view kPrefix = "/api/v1";

/// Returns the document: admin/api/openapi.json as it was when this binary was built, and the operations of the table at Mem0
/// (sync/mem0/api_operations.hpp).
std::string_view OpenApiText();

/// A parameter in path or query.
struct Parameter {
  std::string name;
  bool required = false;
  nlohmann::json schema;
};

/// One operation, as the document describes it.
struct Operation {
  std::string id;      ///< `retryParked`
  std::string method;  ///< `POST`
  std::string path;    ///< `/parked/retry`, below /api/v1; parameters as `{name}`
  receiver::http::PathPattern pattern;
  Role role = Role::kAdmin;
  std::string tag{};                         ///< the group it belongs to: `mappings`
  std::string audit{};                       ///< the action in the audit; empty: no entry is written
  std::vector<Parameter> path_parameters{};  ///< in the path's order
  std::vector<Parameter> query_parameters{};
  nlohmann::json body{};  ///< the body's schema; null: the operation takes no body
  int status = 200;       ///< the status of a success
};

/// The API's OpenAPI document. Requests are checked against it, so that document and server cannot differ. Immutable and
/// thread-safe.
class Document {
 public:
  /// Throws std::logic_error when the text is not a document that this server supports.
  explicit Document(std::string_view text);

  /// All operations, those with the fewest parameters first: when two match a path, the more literal one is used.
  const std::vector<Operation>& Operations() const { return operations_; }

  struct Found {
    const Operation* operation = nullptr;    ///< nullptr: no operation has this path and method
    std::vector<std::string_view> values{};  ///< the path's parameters, still encoded; they live as long as the path
    std::set<std::string> allowed{};         ///< the path's methods, when this one is not among them; empty: unknown path
  };
  /// Finds the operation of a request. `path` is the part below /api/v1, as sent. HEAD counts as GET.
  Found Find(std::string_view method, std::string_view path) const;

  /// Reads a request's query into an object of typed values and fills in defaults. Unknown, repeated and wrong parameters become
  /// problems.
  nlohmann::json ReadQuery(const Operation& operation, std::string_view query, FieldProblems& problems) const;
  /// Reads the values of a path, as Find() returned them, in the same way.
  nlohmann::json ReadPath(const Operation& operation, const std::vector<std::string_view>& values, FieldProblems& problems) const;
  void CheckBody(const Operation& operation, const nlohmann::json& body, FieldProblems& problems) const;

  const nlohmann::json& Root() const { return root_; }

 private:
  nlohmann::json root_;
  std::vector<Operation> operations_;
};

}  // namespace membridge::admin::api
