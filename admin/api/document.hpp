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

/// admin/api/openapi.json as it was when this binary was built.
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
  std::string audit{};                       ///< the action in the audit; empty: not written down
  std::vector<Parameter> path_parameters{};  ///< in the path's order
  std::vector<Parameter> query_parameters{};
  nlohmann::json body{};  ///< schema; null: it takes no body
  int status = 200;       ///< when it went well
};

/// The document is what requests are checked against, so that what it says and what is served cannot differ. Immutable,
/// thread-safe.
class Document {
 public:
  /// Throws std::logic_error when the text is not a document as this server understands it.
  explicit Document(std::string_view text);

  /// Those with the fewest parameters first: of two that fit a path, the more literal one is meant.
  const std::vector<Operation>& Operations() const { return operations_; }

  struct Found {
    const Operation* operation = nullptr;    ///< nullptr: none has this path and method
    std::vector<std::string_view> values{};  ///< of the path's parameters, still encoded; they live as long as the path
    std::set<std::string> allowed{};         ///< methods of the path, when none fits; empty: there is no such path
  };
  /// `path` below /api/v1, as sent. HEAD is GET.
  Found Find(std::string_view method, std::string_view path) const;

  /// The query of a request as an object of typed values, defaults filled in. Unknown, repeated and wrong parameters become
  /// problems.
  nlohmann::json ReadQuery(const Operation& operation, std::string_view query, FieldProblems& problems) const;
  /// The values of a path, as Find() gave them, likewise.
  nlohmann::json ReadPath(const Operation& operation, const std::vector<std::string_view>& values, FieldProblems& problems) const;
  void CheckBody(const Operation& operation, const nlohmann::json& body, FieldProblems& problems) const;

  const nlohmann::json& Root() const { return root_; }

 private:
  nlohmann::json root_;
  std::vector<Operation> operations_;
};

}  // namespace membridge::admin::api
