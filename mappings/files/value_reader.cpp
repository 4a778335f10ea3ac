#include "mappings/files/value_reader.hpp"

#include <fmt/format.h>

#include "mappings/files/name_check.hpp"
#include "mappings/files/scalar.hpp"

namespace membridge::mappings {
namespace {

constexpr std::size_t kLongestExpression = 8 << 10;

using Single = std::variant<Constant, Expression, TextWithHoles>;

bool IsComputed(const std::string& text) {
  return (!text.empty() && text[0] == '$') || text.find("${") != std::string::npos;
}

bool AnyComputed(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kScalar) return IsComputed(node.text);
  for (const YamlNode& item : node.items) {
    if (AnyComputed(item)) return true;
  }
  for (const auto& [key, value] : node.entries) {
    if (AnyComputed(value)) return true;
  }
  return false;
}

bool StartsExpression(const std::string& text) {
  return text.size() > 1 && text[0] == '$' && text[1] != '$' && text[1] != '{';
}

class ScalarReader {
 public:
  ScalarReader(const YamlNode& node, const NamesHere& here, LoadContext& context)
      : node_(node),
        here_(here),
        context_(context),
        source_{node.text, [this](std::size_t position) { return context_.source.PlaceIn(node_, position); }, context.lookups,
                context.problems, node.in_flow && node.plain ? context.source.FlowHint(node.offset) : std::string{}} {}

  std::optional<Single> Read() {
    const std::string& text = node_.text;
    if (IsComputed(text) && text.size() > kLongestExpression)
      return Refuse(fmt::format("longer than {} KiB", kLongestExpression >> 10U));
    if (text == "$") return Refuse("a name is missing after \"$\"");
    if (StartsExpression(text)) return Whole();
    if (text.find("${") != std::string::npos) return Holes();
    if (text.compare(0, 2, "$$") == 0) return Single{Constant{text.substr(1), text.substr(1)}};
    if (node_.plain && LooksLikePath(text, here_, context_)) {
      return Refuse(fmt::format("\"{0}\" is text here; did you mean \"${0}\"?", text));
    }
    return Single{Constant{node_.IsNull() ? nlohmann::json(nullptr) : nlohmann::json(text), TypedScalar(text, node_.plain)}};
  }

 private:
  std::nullopt_t Refuse(const std::string& message) {
    context_.problems.Error(node_.place, message);
    return std::nullopt;
  }

  std::optional<Single> Whole() {
    std::size_t position = 1;
    auto expression = ParseExpression(source_, position);
    if (!expression) return std::nullopt;
    CheckNames(*expression, here_, context_);
    return Single{std::move(*expression)};
  }

  std::optional<Single> Holes() {
    const std::string& text = node_.text;
    TextWithHoles holes;
    std::size_t position = text.compare(0, 2, "$$") == 0 ? 1 : 0;
    std::string literal;
    if (position == 1) {
      literal = "$";
      position = 2;
    }
    while (position < text.size()) {
      if (text.compare(position, 2, "${") != 0) {
        literal.push_back(text[position++]);
        continue;
      }
      position += 2;
      auto expression = ParseExpression(source_, position, '}');
      if (!expression) return std::nullopt;
      CheckNames(*expression, here_, context_);
      if (!literal.empty()) holes.parts.emplace_back(std::exchange(literal, {}));
      holes.parts.emplace_back(std::move(*expression));
    }
    if (!literal.empty()) holes.parts.emplace_back(std::move(literal));
    return Single{std::move(holes)};
  }

  const YamlNode& node_;
  const NamesHere& here_;
  LoadContext& context_;
  ExpressionSource source_;
};

std::optional<ValueSpec> ReadList(const YamlNode& node, const NamesHere& here, LoadContext& context) {
  std::vector<Single> list;
  bool complete = true;
  for (const YamlNode& item : node.items) {
    if (item.kind == YamlNode::Kind::kScalar) {
      auto value = ScalarReader{item, here, context}.Read();
      complete = complete && value.has_value();
      if (value) list.push_back(std::move(*value));
    } else if (AnyComputed(item)) {
      context.problems.Error(item.place, "an expression deep inside a value is not read; give it a cell of its own");
      complete = false;
    } else {
      list.emplace_back(Constant{AsText(item), AsTyped(item)});
    }
  }
  if (!complete) return std::nullopt;
  return ValueSpec{std::move(list)};
}

}  // namespace

std::optional<ValueSpec> ReadValue(const YamlNode& node, const NamesHere& here, LoadContext& context) {
  switch (node.kind) {
    case YamlNode::Kind::kNothing:
      context.problems.Error(node.place, "a value is missing; write null to claim that the cell is empty");
      return std::nullopt;
    case YamlNode::Kind::kScalar: {
      auto value = ScalarReader{node, here, context}.Read();
      if (!value) return std::nullopt;
      return std::visit([](auto& one) { return ValueSpec{std::move(one)}; }, *value);
    }
    case YamlNode::Kind::kList:
      if (AnyComputed(node)) return ReadList(node, here, context);
      break;
    case YamlNode::Kind::kMap:
      if (!AnyComputed(node)) break;
      context.problems.Error(node.place,
                             "an expression inside a map is not read; name its cell on the left, as in attrs.plan: $...");
      return std::nullopt;
  }
  return ValueSpec{Constant{AsText(node), AsTyped(node)}};
}

std::optional<Expression> ReadExpression(const YamlNode& node, const NamesHere& here, LoadContext& context) {
  if (node.kind != YamlNode::Kind::kScalar) {
    context.problems.Error(node.place, fmt::format("an expression belongs here, not {}", node.KindName()));
    return std::nullopt;
  }
  if (!StartsExpression(node.text)) {
    context.problems.Error(node.place, LooksLikePath(node.text, here, context)
                                           ? fmt::format("\"{0}\" is text here; did you mean \"${0}\"?", node.text)
                                           : fmt::format("\"{}\" is text here; an expression starts with \"$\"", node.text));
    return std::nullopt;
  }
  auto value = ScalarReader{node, here, context}.Read();
  return value ? std::optional<Expression>{std::get<Expression>(std::move(*value))} : std::nullopt;
}

std::vector<Expression> ReadConditions(const YamlNode& node, const NamesHere& here, LoadContext& context) {
  std::vector<Expression> conditions;
  const auto read = [&](const YamlNode& one) {
    if (auto condition = ReadExpression(one, here, context)) conditions.push_back(std::move(*condition));
  };
  if (node.kind == YamlNode::Kind::kList) {
    for (const YamlNode& item : node.items) read(item);
  } else {
    read(node);
  }
  return conditions;
}

void ForEachExpression(const ValueSpec& value, const std::function<void(const Expression&)>& visit) {
  const auto single = [&](const Single& one) {
    if (const auto* expression = std::get_if<Expression>(&one)) visit(*expression);
    if (const auto* holes = std::get_if<TextWithHoles>(&one)) {
      for (const auto& part : holes->parts) {
        if (const auto* hole = std::get_if<Expression>(&part)) visit(*hole);
      }
    }
  };
  if (const auto* list = std::get_if<std::vector<Single>>(&value)) {
    for (const Single& one : *list) single(one);
  } else if (const auto* expression = std::get_if<Expression>(&value)) {
    visit(*expression);
  } else if (const auto* holes = std::get_if<TextWithHoles>(&value)) {
    single(*holes);
  }
}

}  // namespace membridge::mappings
