#include "mappings/language/call_builder.hpp"

#include <fmt/format.h>

#include "mappings/base/utf8.hpp"
#include "mappings/language/zone.hpp"

namespace membridge::mappings {
namespace {

std::string Counted(std::size_t count) {
  return fmt::format("{} argument{}", count, count == 1 ? "" : "s");
}

}  // namespace

void CallBuilder::Begin(const std::string& name, std::size_t at) {
  name_ = name;
  at_ = at;
  call_.function = FindFunction(name);
  call_.place = source_.locate(at);
  if (call_.function != nullptr) return;
  std::vector<std::string> names;
  for (const Function& one : AllFunctions()) names.emplace_back(one.name);
  Fail(at, fmt::format("unknown function \"{}\"{}", name, DidYouMean(name, names)));
}

void CallBuilder::Add(Expression argument, std::size_t at) {
  call_.arguments.push_back(std::move(argument));
  argument_at_.push_back(at);
}

Call CallBuilder::Finish() {
  if (call_.function != nullptr && !(CountFits() && PrepareFirst() && PrepareLength())) call_.function = nullptr;
  return std::move(call_);
}

bool CallBuilder::Fail(std::size_t at, const std::string& message) {
  source_.problems.Error(source_.locate(at), message);
  return false;
}

bool CallBuilder::CountFits() {
  const Function& function = *call_.function;
  const std::size_t given = call_.arguments.size();
  if (given >= function.fewest && given <= function.most) return true;
  if (function.fewest == function.most) {
    return Fail(at_,
                fmt::format("{} takes {}, given {}", name_, function.most == 0 ? "no argument" : Counted(function.most), given));
  }
  if (given < function.fewest)
    return Fail(at_, fmt::format("{} takes at least {}, given {}", name_, Counted(function.fewest), given));
  return Fail(at_, fmt::format("{} takes at most {}, given {}", name_, Counted(function.most), given));
}

const nlohmann::json* CallBuilder::Literal(std::size_t index) const {
  const Expression::Node& node = call_.arguments[index].Root();
  return node.calls.empty() ? std::get_if<nlohmann::json>(&node.operand) : nullptr;
}

bool CallBuilder::PrepareFirst() {
  switch (call_.function->first) {
    case Function::First::kValue:
      return true;
    case Function::First::kPattern:
      return PreparePattern();
    case Function::First::kLookup:
      return PrepareLookup();
    case Function::First::kUnit:
      return PrepareUnit();
    case Function::First::kZone:
      return PrepareZone();
    case Function::First::kSeparator:
      break;
  }
  const auto* separator = Literal(0);
  if (separator != nullptr && separator->is_string() && CountCharacters(separator->get_ref<const std::string&>()) == 1) {
    call_.separator = separator->get<std::string>();
    return true;
  }
  return PreparePattern();
}

bool CallBuilder::PreparePattern() {
  const auto* pattern = Literal(0);
  if (pattern == nullptr || !pattern->is_string()) {
    return Fail(argument_at_[0], fmt::format("{}: the pattern must be written out, in single quotes", name_));
  }
  std::string flaw;
  call_.pattern = Pattern::Compile(pattern->get_ref<const std::string&>(), flaw);
  if (!call_.pattern) return Fail(argument_at_[0], fmt::format("{}: {}", name_, flaw));
  if (call_.arguments.size() < 2) return true;
  const auto* rewrite = Literal(1);
  if (rewrite == nullptr || !rewrite->is_string()) return true;
  flaw = call_.pattern->FlawOfRewrite(rewrite->get_ref<const std::string&>());
  return flaw.empty() || Fail(argument_at_[1], fmt::format("{}: {}", name_, flaw));
}

bool CallBuilder::PrepareLookup() {
  const Expression::Node& node = call_.arguments[0].Root();
  const auto* path = std::get_if<Path>(&node.operand);
  const auto* text = Literal(0);
  std::string name;
  if (path != nullptr && path->steps.empty() && node.calls.empty()) name = path->name;
  if (text != nullptr && text->is_string()) name = text->get<std::string>();
  if (name.empty()) return Fail(argument_at_[0], "map takes the name of a table under \"maps\"");
  const auto found = source_.lookups.find(name);
  if (found == source_.lookups.end()) {
    std::vector<std::string> names;
    for (const auto& [known, table] : source_.lookups) names.push_back(known);
    return Fail(argument_at_[0], fmt::format("no table \"{}\" under \"maps\"{}", name, DidYouMean(name, names)));
  }
  call_.lookup = found->second;
  call_.arguments.clear();  // the argument is the table's name, not a path into the data
  return true;
}

bool CallBuilder::PrepareUnit() {
  if (call_.arguments.empty()) return true;
  const auto* unit = Literal(0);
  if (unit != nullptr && (*unit == "s" || *unit == "ms")) return true;
  return Fail(argument_at_[0], fmt::format("{} reads seconds, or milliseconds with 'ms'", name_));
}

bool CallBuilder::PrepareZone() {
  const auto* zone = Literal(0);
  if (zone == nullptr) return true;  // not a literal, so its value is known only at evaluation
  const std::string name = zone->is_string() ? zone->get<std::string>() : zone->dump();
  if (IsTimeZone(name)) return true;
  return Fail(argument_at_[0], fmt::format("there is no time zone \"{}\"{}; write one as in 'Europe/Berlin'", name,
                                           DidYouMean(name, TimeZoneNames())));
}

bool CallBuilder::PrepareLength() {
  if (name_ != "truncate" || call_.arguments.empty()) return true;
  const auto* length = Literal(0);
  if (length == nullptr) return true;
  if (length->is_number_integer() && length->get<std::int64_t>() > 0) return true;
  return Fail(argument_at_[0], "truncate takes a number of characters, 1 or more");
}

}  // namespace membridge::mappings
