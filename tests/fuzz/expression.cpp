#include <cstdint>
#include <cstdlib>
#include <string>

#include "mappings/base/utf8.hpp"
#include "mappings/language/expression_node.hpp"
#include "mappings/language/expression_parser.hpp"

// Any text as an expression: it parses, and then evaluates to something that can be written as JSON; or there is a problem inside
// the text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace membridge::mappings;
  const std::string_view text{reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 8 << 10)};
  if (FirstBadByte(text) != std::string_view::npos) return 0;  // the YAML reader lets nothing else through
  static const SharedLookups lookups{
      {"table", std::make_shared<const std::map<std::string, nlohmann::json>>(std::map<std::string, nlohmann::json>{{"a", 1}})}};
  static const nlohmann::json memory{
      {"text", "Bob <bob@example.test>, +49 30 123456, 2026-08-03"}, {"list", {"a", 1, nullptr, {{"k", "v"}}}}, {"n", 5}};
  Diagnostics problems;
  const auto locate = [&](std::size_t position) {
    if (position > text.size()) std::abort();
    return Place{"fuzz", 1, position + 1};
  };
  const ExpressionSource source{text, locate, lookups, problems, ""};
  std::size_t position = 0;
  const auto expression = ParseExpression(source, position);
  if (expression.has_value() == problems.HasErrors()) std::abort();
  if (!expression) return 0;
  Scope scope;
  scope.Set("memory", &memory);
  const Value value = expression->Evaluate(scope);
  IsTrue(value);
  if (value) static_cast<void>(value->dump());  // throws when the text is no longer UTF-8
  static_cast<void>(expression->Names());
  return 0;
}
