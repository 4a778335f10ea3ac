#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/diagnostic.hpp"

namespace membridge::mappings {

/// The result of an expression: a JSON value, which may be null, or nothing, which means *missing*. Missing is not null.
using Value = std::optional<nlohmann::json>;

/// The tables under `maps` of a mapping: table name → key → value.
using Lookups = std::map<std::string, std::map<std::string, nlohmann::json>>;

/// The names an expression may use: `memory`, `vars`, `item`, `now`, `row`, row names, … Scopes nest; the inner one wins. A scope
/// holds pointers only, so all values and the outer scope must outlive it.
class Scope {
 public:
  explicit Scope(const Scope* outer = nullptr) : outer_(outer) {}
  void Set(std::string_view name, const nlohmann::json* value);
  /// Returns nullptr when the name is unknown or its value is missing.
  const nlohmann::json* Find(std::string_view name) const;

 private:
  const Scope* outer_;
  std::vector<std::pair<std::string, const nlohmann::json*>> names_;
};

/// A checked, immutable expression of mapping.md section 1.2. Cheap to copy. Evaluation is thread-safe, takes time linear in its
/// input (RE2) and never throws on data: a value that cannot be computed is missing.
class Expression {
 public:
  struct Node;
  explicit Expression(std::shared_ptr<const Node> root) : root_(std::move(root)) {}

  Value Evaluate(const Scope& scope) const;
  /// Returns the first names of all its paths: `memory`, `row`, `contact`, …
  std::set<std::string> Names() const;
  /// Returns the fields read from `name`, over all paths that start with it: FieldsOf("contact") of `$contact.id` is {"id"}.
  std::set<std::string> FieldsOf(std::string_view name) const;
  /// Whether the expression is only this name: Is("now") is true for `$now`.
  bool Is(std::string_view name) const;
  const Node& Root() const { return *root_; }

 private:
  std::shared_ptr<const Node> root_;
};

/// Whether a value counts as true in `when`. Missing, null, false, "", [], {} and 0 count as false.
bool IsTrue(const Value& value);

}  // namespace membridge::mappings
