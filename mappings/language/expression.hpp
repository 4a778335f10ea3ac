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

/// What an expression yields: JSON (null is a value), or nothing at all: missing is not null.
using Value = std::optional<nlohmann::json>;

/// `maps:` of a mapping: by map name, from key to value.
using Lookups = std::map<std::string, std::map<std::string, nlohmann::json>>;

/// The names an expression may use: `memory`, `vars`, `item`, `now`, `row`, row names, … Scopes nest; the inner one wins.
/// Holds pointers only: what a scope names must outlive it.
class Scope {
 public:
  explicit Scope(const Scope* outer = nullptr) : outer_(outer) {}
  void Set(std::string_view name, const nlohmann::json* value);
  /// nullptr: the name exists nowhere or stands for something missing.
  const nlohmann::json* Find(std::string_view name) const;

 private:
  const Scope* outer_;
  std::vector<std::pair<std::string, const nlohmann::json*>> names_;
};

/// A checked, immutable expression of mapping.md section 1.2. Cheap to copy; evaluation is thread-safe, linear in its input
/// (RE2) and never throws on data: what cannot be computed is missing.
class Expression {
 public:
  struct Node;
  explicit Expression(std::shared_ptr<const Node> root) : root_(std::move(root)) {}

  Value Evaluate(const Scope& scope) const;
  /// The first words of its paths: `memory`, `row`, `contact`, …
  std::set<std::string> Names() const;
  /// The column asked of `name`, for every path that starts there: Paths("contact") of `$contact.id` is {"id"}.
  std::set<std::string> FieldsOf(std::string_view name) const;
  /// Whether it is the bare name: Is("now") of `$now`.
  bool Is(std::string_view name) const;
  const Node& Root() const { return *root_; }

 private:
  std::shared_ptr<const Node> root_;
};

/// Whether a value counts as true in `when`: missing, null, false, "", [], {} and 0 do not.
bool IsTrue(const Value& value);

}  // namespace membridge::mappings
