#include "mappings/language/expression.hpp"

#include "mappings/base/exact_json.hpp"
#include "mappings/language/expression_node.hpp"

namespace membridge::mappings {
namespace {

using nlohmann::json;

const json* Step(const json& value, const Path::Step& step) {
  if (const auto* key = std::get_if<std::string>(&step)) {
    if (!value.is_object()) return nullptr;
    const auto found = value.find(*key);
    return found == value.end() ? nullptr : &*found;
  }
  if (!value.is_array()) return nullptr;
  const auto size = static_cast<std::int64_t>(value.size());
  const std::int64_t given = std::get<std::int64_t>(step);
  const std::int64_t index = given < 0 ? size + given : given;
  return index < 0 || index >= size ? nullptr : &value[static_cast<std::size_t>(index)];
}

/// Returns the value at the end of the path. A null in the data is missing; only a `null` written in the mapping is a value.
Value Follow(const Path& path, const Scope& scope) {
  const json* value = scope.Find(path.name);
  for (const Path::Step& step : path.steps) {
    if (value == nullptr) return std::nullopt;
    value = Step(*value, step);
  }
  if (value == nullptr || value->is_null()) return std::nullopt;
  return *value;
}

}  // namespace

void Scope::Set(std::string_view name, const json* value) {
  for (auto& [known, current] : names_) {
    if (known == name) {
      current = value;
      return;
    }
  }
  names_.emplace_back(name, value);
}

const json* Scope::Find(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer_) {
    for (const auto& [known, value] : scope->names_) {
      if (known == name) return value;
    }
  }
  return nullptr;
}

Value Expression::Evaluate(const Scope& scope) const {
  Value value;
  if (const auto* path = std::get_if<Path>(&root_->operand)) {
    value = Follow(*path, scope);
  } else if (const auto* literal = std::get_if<json>(&root_->operand)) {
    value = *literal;
  } else if (const auto* text = std::get_if<Template>(&root_->operand)) {
    if (auto filled = TextOfParts(text->parts, scope)) value = std::move(*filled);
  } else {
    value = std::get<Expression>(root_->operand).Evaluate(scope);
  }
  for (const Call& call : root_->calls) {
    const bool nothing_to_do = !value || value->is_null();
    if (nothing_to_do && !call.function->sees_missing) continue;
    value = call.function->apply(value, Arguments{call, scope});
  }
  return value;
}

std::set<std::string> Expression::Names() const {
  std::set<std::string> names;
  ForEachPath(*this, [&](const Path& path) { names.insert(path.name); });
  return names;
}

std::set<std::string> Expression::FieldsOf(std::string_view name) const {
  std::set<std::string> fields;
  ForEachPath(*this, [&](const Path& path) {
    if (path.name != name || path.steps.empty()) return;
    if (const auto* field = std::get_if<std::string>(&path.steps.front())) fields.insert(*field);
  });
  return fields;
}

bool Expression::Is(std::string_view name) const {
  const auto* path = std::get_if<Path>(&root_->operand);
  return path != nullptr && root_->calls.empty() && path->steps.empty() && path->name == name;
}

bool IsOpenTruncate(const Call& call) {
  return call.function->name == "truncate" && call.arguments.empty();
}

bool IsTrue(const Value& value) {
  if (!value || value->is_null()) return false;
  if (value->is_boolean()) return value->get<bool>();
  if (IsNumber(*value)) return !IsZero(*value);
  if (value->is_string()) return !value->get_ref<const std::string&>().empty();
  return !value->empty();
}

std::optional<std::string> Spoken(const json& value) {
  if (value.is_null()) return std::nullopt;
  if (value.is_object()) return ExactText(value);
  if (!value.is_array()) return TextOf(value);
  std::string text;
  for (const json& element : value) {
    const auto spoken = Spoken(element);
    if (!spoken) continue;
    if (!text.empty()) text += ", ";
    text += *spoken;
  }
  return text;
}

std::optional<std::string> TextOfParts(const std::vector<std::variant<std::string, Expression>>& parts, const Scope& scope) {
  std::string text;
  for (const auto& part : parts) {
    if (const auto* literal = std::get_if<std::string>(&part)) {
      text += *literal;
      continue;
    }
    const Value value = std::get<Expression>(part).Evaluate(scope);
    const auto spoken = value ? Spoken(*value) : std::nullopt;
    if (!spoken) return std::nullopt;
    text += *spoken;
  }
  return text;
}

void ForEachPath(const Expression& expression, const std::function<void(const Path&)>& visit) {
  const Expression::Node& node = expression.Root();
  if (const auto* text = std::get_if<Template>(&node.operand)) {
    for (const auto& part : text->parts) {
      if (const auto* hole = std::get_if<Expression>(&part)) ForEachPath(*hole, visit);
    }
  }
  if (const auto* path = std::get_if<Path>(&node.operand)) visit(*path);
  if (const auto* inner = std::get_if<Expression>(&node.operand)) ForEachPath(*inner, visit);
  for (const Call& call : node.calls) {
    for (const Expression& argument : call.arguments) ForEachPath(argument, visit);
  }
}

}  // namespace membridge::mappings
