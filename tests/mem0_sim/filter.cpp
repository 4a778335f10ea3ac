#include "tests/mem0_sim/filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <unordered_set>

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;
using Node = Filter::Node;
using Predicate = std::function<bool(const Memory&)>;

/// Thrown inside this file only: the grammar is recursive and every level may refuse.
struct BrokenRule {
  std::string text;
};

[[noreturn]] void RefuseFilter(std::string text) {
  throw BrokenRule{std::move(text)};
}

constexpr std::string_view kAllowedKeys =
    "AND, OR, NOT, user_id, agent_id, app_id, run_id, created_at, updated_at, timestamp, expiration_date, text, categories, "
    "metadata, "
    "keywords_search, memory_ids, keywords";

[[noreturn]] void RefuseOperator(std::string_view field, std::string_view used, std::string_view allowed) {
  RefuseFilter(fmt::format("Operator '{}' is not supported for field '{}'. Supported operators: {}.", used, field, allowed));
}

/// One operator and its operand. A bare value has no operator.
struct Clause {
  std::string op;
  const Json* operand;
};

/// `{"gte": …, "lt": …}` as its clauses, or the bare value as one.
std::vector<Clause> ClausesOf(const Json& value) {
  if (!value.is_object()) return {{"", &value}};
  std::vector<Clause> clauses;
  for (const auto& [op, operand] : value.items()) clauses.push_back({op, &operand});
  if (clauses.empty()) RefuseFilter("A condition must not be an empty object.");
  return clauses;
}

Predicate AllOf(std::vector<Predicate> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  return [parts = std::move(parts)](const Memory& memory) {
    return std::all_of(parts.begin(), parts.end(), [&](const Predicate& part) { return part(memory); });
  };
}

const std::string& StringIn(std::string_view field, const Json& value) {
  if (!value.is_string()) RefuseFilter(fmt::format("Field '{}' takes strings.", field));
  return value.get_ref<const std::string&>();
}

std::vector<std::string> StringsIn(std::string_view field, const Json& value) {
  if (!value.is_array()) RefuseFilter(fmt::format("Field '{}' needs a list here.", field));
  std::vector<std::string> strings;
  for (const Json& item : value) strings.push_back(StringIn(field, item));
  return strings;
}

class Parser {
 public:
  Node Group(const Json& json);
  bool names_entity = false;

 private:
  Node Condition(const std::string& key, const Json& value);
  std::vector<Node> Members(const std::string& key, const Json& value);
  Node Negation(const Json& value);
  Node EntityCondition(EntityType type, const Json& value);

  int negations_ = 0;
};

Node AllNodes(std::vector<Node> nodes) {
  Node all;
  std::vector<Predicate> parts;
  for (Node& node : nodes) {
    if (!all.only_ids) all.only_ids = std::move(node.only_ids);
    if (!all.only_entity) all.only_entity = std::move(node.only_entity);
    parts.push_back(std::move(node.holds));
  }
  all.holds = AllOf(std::move(parts));
  return all;
}

Node AnyNode(std::vector<Node> nodes) {
  if (nodes.size() == 1) return std::move(nodes.front());
  return {[nodes = std::move(nodes)](const Memory& memory) {
            return std::any_of(nodes.begin(), nodes.end(), [&](const Node& node) { return node.holds(memory); });
          },
          {},
          {}};
}

Node Parser::EntityCondition(EntityType type, const Json& value) {
  const std::string_view field = FieldOf(type);
  if (!value.is_object()) {
    const std::string name = StringIn(field, value);
    if (negations_ == 0) names_entity = true;
    if (name == "*") return {[type](const Memory& memory) { return memory.Owner(type) != nullptr; }, {}, {}};
    return {[type, name](const Memory& memory) { return memory.Owner(type) != nullptr && memory.Owner(type)->name == name; },
            {},
            std::pair{type, name}};
  }
  std::vector<Predicate> parts;
  for (const auto& [op, operand] : ClausesOf(value)) {
    if (op == "in") {
      if (negations_ == 0) names_entity = true;
      const std::vector<std::string> names = StringsIn(field, *operand);
      parts.push_back([type, wanted = std::set<std::string>(names.begin(), names.end())](const Memory& memory) {
        return memory.Owner(type) != nullptr && wanted.count(memory.Owner(type)->name) != 0;
      });
    } else if (op == "ne") {
      parts.push_back([type, name = StringIn(field, *operand)](const Memory& memory) {
        return memory.Owner(type) == nullptr || memory.Owner(type)->name != name;
      });
    } else {
      RefuseOperator(field, op, "a value, in, ne, \"*\"");
    }
  }
  return {AllOf(std::move(parts)), {}, {}};
}

std::optional<Instant> TimeOf(std::string_view field, const Memory& memory) {
  if (field == "updated_at") return memory.updated_at;
  if (field == "expiration_date") return memory.expires_on ? std::optional{Instant{*memory.expires_on}} : std::nullopt;
  return memory.created_at;  // `timestamp` is the creation time callers may set
}

Instant TimeIn(std::string_view field, const Json& value) {
  const auto time = ParseFilterTime(StringIn(field, value));
  if (!time) RefuseFilter(fmt::format("Field '{}' takes ISO 8601 dates and times.", field));
  return *time;
}

Node TimeCondition(const std::string& field, const Json& value) {
  std::vector<Predicate> parts;
  const auto compare = [&](auto test) {
    parts.push_back([field, test](const Memory& memory) {
      const auto time = TimeOf(field, memory);
      return time && test(*time);
    });
  };
  for (const auto& [op, operand] : ClausesOf(value)) {
    if (op == "in") {
      std::vector<Instant> wanted;
      if (!operand->is_array()) RefuseFilter(fmt::format("Field '{}' needs a list here.", field));
      for (const Json& item : *operand) wanted.push_back(TimeIn(field, item));
      compare([wanted](Instant time) { return std::find(wanted.begin(), wanted.end(), time) != wanted.end(); });
      continue;
    }
    static const std::set<std::string> kOperators{"", "gt", "gte", "lt", "lte", "ne"};
    if (kOperators.count(op) == 0) RefuseOperator(field, op, "a value, gt, gte, lt, lte, ne, in");
    const Instant bound = TimeIn(field, *operand);
    if (op.empty()) compare([bound](Instant time) { return time == bound; });
    if (op == "gt") compare([bound](Instant time) { return time > bound; });
    if (op == "gte") compare([bound](Instant time) { return time >= bound; });
    if (op == "lt") compare([bound](Instant time) { return time < bound; });
    if (op == "lte") compare([bound](Instant time) { return time <= bound; });
    if (op == "ne") parts.push_back([field, bound](const Memory& memory) { return TimeOf(field, memory) != bound; });
  }
  return {AllOf(std::move(parts)), {}, {}};
}

Node CategoriesCondition(const Json& value) {
  std::vector<Predicate> parts;
  if (!value.is_object()) RefuseOperator("categories", "eq", "in, contains");
  for (const auto& [op, operand] : ClausesOf(value)) {
    Predicate test;
    if (op == "in") {
      test = [wanted = StringsIn("categories", *operand)](const Memory& memory) {
        return std::any_of(memory.categories->begin(), memory.categories->end(), [&](const std::string& label) {
          return std::find(wanted.begin(), wanted.end(), label) != wanted.end();
        });
      };
    } else if (op == "contains") {
      test = [part = StringIn("categories", *operand)](const Memory& memory) {
        return std::any_of(memory.categories->begin(), memory.categories->end(),
                           [&](const std::string& label) { return label.find(part) != std::string::npos; });
      };
    } else {
      RefuseOperator("categories", op, "in, contains");
    }
    parts.push_back([test](const Memory& memory) { return memory.categories != nullptr && test(memory); });
  }
  return {AllOf(std::move(parts)), {}, {}};
}

bool Contains(const Json& held, const Json& part) {
  if (held.is_string() && part.is_string())
    return held.get_ref<const std::string&>().find(part.get_ref<const std::string&>()) != std::string::npos;
  if (held.is_array()) return std::find(held.begin(), held.end(), part) != held.end();
  return held == part;
}

Node MetadataCondition(const Json& value) {
  if (!value.is_object() || value.empty()) RefuseFilter("Field 'metadata' takes an object of top-level keys.");
  std::vector<Predicate> parts;
  for (const auto& [key, wanted] : value.items()) {
    for (const auto& [op, operand] : ClausesOf(wanted)) {
      if (op != "" && op != "eq" && op != "ne" && op != "contains") {
        RefuseOperator("metadata", op, "a value, eq, ne, contains");
      }
      parts.push_back([key = key, op = op, operand = *operand](const Memory& memory) {
        const Json metadata = memory.Metadata();
        const auto held = metadata.find(key);
        const bool there = metadata.is_object() && held != metadata.end();
        if (op == "ne") return !there || *held != operand;
        if (op == "contains") return there && Contains(*held, operand);
        return there && *held == operand;
      });
    }
  }
  return {AllOf(std::move(parts)), {}, {}};
}

Node TextCondition(const std::string& field, const Json& value) {
  std::vector<Predicate> parts;
  if (!value.is_object() && field == "keywords") RefuseOperator(field, "eq", "contains, icontains");
  for (const auto& [op, operand] : ClausesOf(value)) {
    const std::string part = StringIn(field, *operand);
    if (op == "contains") {
      parts.push_back([part](const Memory& memory) { return memory.text->find(part) != std::string::npos; });
    } else if (op == "icontains" || op.empty()) {
      parts.push_back(
          [part = Lowered(part)](const Memory& memory) { return Lowered(*memory.text).find(part) != std::string::npos; });
    } else {
      RefuseOperator(field, op, "contains, icontains");
    }
  }
  return {AllOf(std::move(parts)), {}, {}};
}

Node IdsCondition(const Json& value) {
  std::vector<Uuid> ids;
  for (const std::string& text : StringsIn("memory_ids", value)) {
    const auto id = Uuid::Parse(text);
    if (!id) RefuseFilter("memory_ids should be valid UUIDs.");
    ids.push_back(*id);
  }
  std::unordered_set<Uuid, UuidHash> wanted(ids.begin(), ids.end());
  return {[wanted = std::move(wanted)](const Memory& memory) { return wanted.count(memory.id) != 0; }, std::move(ids), {}};
}

std::vector<Node> Parser::Members(const std::string& key, const Json& value) {
  if (!value.is_array() || value.empty()) RefuseFilter(fmt::format("'{}' takes a list of conditions.", key));
  std::vector<Node> nodes;
  for (const Json& member : value) nodes.push_back(Group(member));
  return nodes;
}

/// NOT takes a list or a single condition; none of them may hold.
Node Parser::Negation(const Json& value) {
  ++negations_;
  const Node any = value.is_object() ? Group(value) : AnyNode(Members("NOT", value));
  --negations_;
  return {[holds = any.holds](const Memory& memory) { return !holds(memory); }, {}, {}};
}

Node Parser::Condition(const std::string& key, const Json& value) {
  if (key == "AND") return AllNodes(Members(key, value));
  if (key == "OR") return AnyNode(Members(key, value));
  if (key == "NOT") return Negation(value);
  if (const auto type = EntityTypeOfField(key)) return EntityCondition(*type, value);
  if (key == "created_at" || key == "updated_at" || key == "timestamp" || key == "expiration_date")
    return TimeCondition(key, value);
  if (key == "categories") return CategoriesCondition(value);
  if (key == "metadata") return MetadataCondition(value);
  if (key == "text" || key == "keywords" || key == "keywords_search") return TextCondition(key, value);
  if (key == "memory_ids") return IdsCondition(value);
  RefuseFilter(fmt::format("Invalid filter key '{}'. Allowed keys: {}.", key, kAllowedKeys));
}

Node Parser::Group(const Json& json) {
  if (!json.is_object() || json.empty()) RefuseFilter("A filter must be a non-empty object.");
  std::vector<Node> nodes;
  for (const auto& [key, value] : json.items()) {
    if (key == "OR" && json.contains("AND")) continue;
    nodes.push_back(Condition(key, value));
  }
  return AllNodes(std::move(nodes));
}

void CollectEntities(const Json& json, std::vector<std::pair<EntityType, std::string>>& found) {
  if (json.is_array()) {
    for (const Json& member : json) CollectEntities(member, found);
  }
  if (!json.is_object()) return;
  for (const auto& [key, value] : json.items()) {
    if (key == "AND" || key == "OR") CollectEntities(value, found);
    const auto type = EntityTypeOfField(key);
    if (type && value.is_string()) found.emplace_back(*type, value.get<std::string>());
  }
}

}  // namespace

tl::expected<Filter, std::string> Filter::Parse(const Json& json) {
  try {
    Parser parser;
    Filter filter;
    filter.root_ = parser.Group(json);
    filter.names_entity_ = parser.names_entity;
    return filter;
  } catch (const BrokenRule& rule) {
    return tl::unexpected{rule.text};
  }
}

std::vector<std::pair<EntityType, std::string>> EntitiesNamedIn(const Json& filters) {
  std::vector<std::pair<EntityType, std::string>> found;
  CollectEntities(filters, found);
  return found;
}

}  // namespace membridge::mem0_sim
