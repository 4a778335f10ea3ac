#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "mappings/language/expression_node.hpp"
#include "mappings/language/expression_parser.hpp"

namespace membridge::mappings {

/// Makes one call of a pipe: finds the function, counts its arguments, compiles its pattern, finds its table under `maps`.
/// Threads: one.
class CallBuilder {
 public:
  explicit CallBuilder(const ExpressionSource& source) : source_(source) {}

  void Begin(const std::string& name, std::size_t at);
  void Add(Expression argument, std::size_t at);
  /// Returns the call. Its `function` is nullptr when there was a problem, which has been reported.
  Call Finish();

 private:
  bool Fail(std::size_t at, const std::string& message);
  bool CountFits();
  bool PrepareFirst();
  bool PreparePattern();
  bool PrepareLookup();
  bool PrepareLength();
  bool PrepareUnit();
  bool PrepareZone();
  const nlohmann::json* Literal(std::size_t index) const;

  const ExpressionSource& source_;
  std::string name_;
  std::size_t at_ = 0;
  Call call_;
  std::vector<std::size_t> argument_at_;
};

}  // namespace membridge::mappings
