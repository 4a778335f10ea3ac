#include "mappings/language/expression_parser.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

#include "mappings/language/call_builder.hpp"
#include "mappings/language/expression_node.hpp"

namespace membridge::mappings {
namespace {

using nlohmann::json;

constexpr std::size_t kDeepest = 32;

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (static_cast<unsigned char>(c) & 0x80U) != 0;
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsNamePart(char c) {
  return IsNameStart(c) || IsDigit(c) || c == '-';
}

/// A recursive-descent parser for one scalar. A syntax error stops it; an unknown function does not.
class Parser {
 public:
  Parser(const ExpressionSource& source, std::size_t position, char end) : source_(source), at_(position), end_(end) {}

  std::optional<Expression> Whole() {
    auto expression = Pipe(0);
    if (!expression) return std::nullopt;
    SkipSpace();
    if (end_ == '\0' ? at_ < source_.text.size() : Peek() != end_) {
      return Stop(at_, AtEnd() ? fmt::format("\"{}\" is missing", end_) : fmt::format("unexpected \"{}\" here", Word()));
    }
    if (end_ != '\0') ++at_;
    if (flawed_) return std::nullopt;
    return expression;
  }

  std::size_t Position() const { return at_; }

 private:
  bool AtEnd() const { return at_ >= source_.text.size(); }
  char Peek() const { return AtEnd() ? '\0' : source_.text[at_]; }

  void SkipSpace() {
    while (Peek() == ' ' || Peek() == '\t' || Peek() == '\n') ++at_;
  }

  bool Take(char c) {
    SkipSpace();
    if (AtEnd() || Peek() != c) return false;
    ++at_;
    return true;
  }

  /// Returns the word at the current position, short enough for a message.
  std::string Word() const {
    std::size_t stop = at_;
    while (stop < source_.text.size() && IsNamePart(source_.text[stop]) && stop - at_ < 40) ++stop;
    return std::string{source_.text.substr(at_, std::max<std::size_t>(stop - at_, 1))};
  }

  std::nullopt_t Stop(std::size_t where, const std::string& message) {
    source_.problems.Error(source_.locate(where), source_.hint.empty() ? message : message + ": " + source_.hint);
    return std::nullopt;
  }

  std::string_view TakeName() {
    const std::size_t start = at_;
    while (!AtEnd() && IsNamePart(Peek())) ++at_;
    return source_.text.substr(start, at_ - start);
  }

  std::optional<Expression> Pipe(std::size_t depth) {
    if (depth > kDeepest) return Stop(at_, fmt::format("parentheses are nested deeper than {}", kDeepest));
    auto node = std::make_shared<Expression::Node>();
    auto operand = Operand(depth);
    if (!operand) return std::nullopt;
    node->operand = std::move(*operand);
    while (Take('|')) {
      auto call = Piped(depth);
      if (!call) return std::nullopt;
      if (call->function == nullptr) {
        flawed_ = true;
      } else {
        node->calls.push_back(std::move(*call));
      }
    }
    return Expression{std::move(node)};
  }

  using Operands = std::variant<Path, json, Expression, Template>;

  std::optional<Operands> Operand(std::size_t depth) {
    SkipSpace();
    const char c = Peek();
    if (AtEnd() || c == '|' || c == ')' || c == ',' || c == end_) return Stop(at_, "a value is missing here");
    if (c == '(') {
      const std::size_t open = at_++;
      auto inner = Pipe(depth + 1);
      if (!inner) return std::nullopt;
      if (!Take(')')) return Stop(open, "this parenthesis is not closed");
      return Operands{std::move(*inner)};
    }
    if (c == '\'') return Wrapped(Text());
    if (c == '"') {
      // Double quotes are allowed only at the beginning of a value: `$"${item.key}:${memory.id}" | ...`
      if (at_ != 1 || source_.text[0] != '$') return Stop(at_, "write text in single quotes here: 'like this'");
      auto text = TextWithHolesHere(depth);
      if (!text) return std::nullopt;
      return Operands{std::move(*text)};
    }
    if (c == '$') return Stop(at_, "\"$\" only starts a value; leave it out here");
    if (IsDigit(c) || c == '-') return Wrapped(Number());
    if (!IsNameStart(c)) return Stop(at_, fmt::format("unexpected \"{}\" here", Word()));
    auto path = WholePath();
    if (!path) return std::nullopt;
    if (path->steps.empty()) {
      if (path->name == "true" || path->name == "false") return Operands{json(path->name == "true")};
      if (path->name == "null") return Operands{json(nullptr)};
    }
    return Operands{std::move(*path)};
  }

  static std::optional<Operands> Wrapped(std::optional<json> literal) {
    if (!literal) return std::nullopt;
    return Operands{std::move(*literal)};
  }

  /// Reads a text in double quotes with `${...}` holes; `""` is one quote.
  std::optional<Template> TextWithHolesHere(std::size_t depth) {
    const std::size_t open = at_++;
    Template text;
    std::string literal;
    while (!AtEnd()) {
      if (source_.text.compare(at_, 2, "${") == 0) {
        const std::size_t hole = at_;
        at_ += 2;
        auto inner = Pipe(depth + 1);
        if (!inner) return std::nullopt;
        if (!Take('}')) return Stop(hole, "this hole is not closed by \"}\"");
        if (!literal.empty()) text.parts.emplace_back(std::exchange(literal, {}));
        text.parts.emplace_back(std::move(*inner));
      } else if (source_.text.compare(at_, 2, "\"\"") == 0) {
        literal.push_back('"');
        at_ += 2;
      } else if (Peek() == '"') {
        ++at_;
        if (!literal.empty()) text.parts.emplace_back(std::move(literal));
        return text;
      } else {
        literal.push_back(source_.text[at_++]);
      }
    }
    return Stop(open, "this text is not closed by a double quote");
  }

  std::optional<json> Text() {
    const std::size_t open = at_++;
    std::string text;
    while (!AtEnd()) {
      if (Peek() != '\'') {
        text.push_back(source_.text[at_++]);
      } else if (at_ + 1 < source_.text.size() && source_.text[at_ + 1] == '\'') {
        text.push_back('\'');
        at_ += 2;
      } else {
        ++at_;
        return json(std::move(text));
      }
    }
    return Stop(open, "this text is not closed by a single quote");
  }

  std::optional<json> Number() {
    const std::size_t start = at_;
    while (!AtEnd() && (IsNamePart(Peek()) || Peek() == '.' || Peek() == '+')) ++at_;
    const std::string_view word = source_.text.substr(start, at_ - start);
    std::int64_t integer = 0;
    const char* stop = word.data() + word.size();
    if (const auto parsed = std::from_chars(word.data(), stop, integer); parsed.ec == std::errc{} && parsed.ptr == stop)
      return json(integer);
    double real = 0;
    if (const auto parsed = std::from_chars(word.data(), stop, real); parsed.ec == std::errc{} && parsed.ptr == stop)
      return json(real);
    return Stop(start, fmt::format("\"{}\" is not a number", word.substr(0, 40)));
  }

  std::optional<Path> WholePath() {
    Path path;
    path.place = source_.locate(at_);
    path.name = std::string{TakeName()};
    for (;;) {
      if (Peek() == '.' && at_ + 1 < source_.text.size() && source_.text[at_ + 1] == '"') {
        ++at_;
        auto key = QuotedKey();
        if (!key) return std::nullopt;
        path.steps.emplace_back(std::move(*key));
      } else if (Peek() == '.') {
        ++at_;
        if (!IsNamePart(Peek())) return Stop(at_, "a name is missing after the dot");
        path.steps.emplace_back(std::string{TakeName()});
      } else if (Peek() == '[') {
        const std::size_t open = at_++;
        auto step = Index();
        if (!step) return std::nullopt;
        if (!Take(']')) return Stop(open, "this bracket is not closed");
        path.steps.push_back(std::move(*step));
      } else {
        return path;
      }
    }
  }

  /// Reads a key in quotes, for keys that are not plain names: `."plan.tier"`.
  std::optional<std::string> QuotedKey() {
    const std::size_t open = at_++;
    std::string key;
    while (!AtEnd()) {
      if (source_.text.compare(at_, 2, "\"\"") == 0) {
        key.push_back('"');
        at_ += 2;
      } else if (Peek() == '"') {
        ++at_;
        return key;
      } else {
        key.push_back(source_.text[at_++]);
      }
    }
    return Stop(open, "this key is not closed by a double quote");
  }

  std::optional<Path::Step> Index() {
    SkipSpace();
    const std::size_t start = at_;
    auto index = Peek() == '\'' ? Text() : IsDigit(Peek()) || Peek() == '-' ? Number() : std::nullopt;
    if (index && index->is_string()) return Path::Step{index->get<std::string>()};
    if (index && index->is_number_integer()) return Path::Step{index->get<std::int64_t>()};
    return Stop(start, "brackets hold a position, as in [0], or a key, as in ['first name']");
  }

  std::optional<Call> Piped(std::size_t depth) {
    SkipSpace();
    CallBuilder builder{source_};
    const std::size_t start = at_;
    if (!IsNameStart(Peek())) return Stop(at_, "a function is missing after \"|\"");
    const std::string name{TakeName()};
    builder.Begin(name, start);
    if (!Take('(')) return builder.Finish();
    const std::size_t open = at_ - 1;
    if (Take(')')) return builder.Finish();
    do {
      SkipSpace();
      const std::size_t argument_at = at_;
      auto argument = Pipe(depth + 1);
      if (!argument) return std::nullopt;
      builder.Add(std::move(*argument), argument_at);
    } while (Take(','));
    if (!Take(')')) return Stop(open, "this parenthesis is not closed");
    return builder.Finish();
  }

  const ExpressionSource& source_;
  std::size_t at_;
  char end_;
  bool flawed_ = false;
};

}  // namespace

std::optional<Expression> ParseExpression(const ExpressionSource& source, std::size_t& position, char end) {
  Parser parser{source, position, end};
  auto expression = parser.Whole();
  position = parser.Position();
  return expression;
}

}  // namespace membridge::mappings
