#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <vector>

#include "sync/apply/attempt_context.hpp"
#include "sync/apply/entered_sources.hpp"
#include "sync/apply/work.hpp"

namespace membridge::sync {

/// Makes the instances that the sources of an attempt speak of, level by level (a level is one row of the mapping), and the names
/// that expressions may use there.
class Instances {
 public:
  /// Both outlive it.
  Instances(AttemptContext& context, const EnteredSources& sources) : context_(context), sources_(sources) {}

  /// Prepares the names of each source. Call it once, after the sources were entered.
  void Begin();
  /// Makes the instances of a level. The levels before it must have been made and have found their rows. References stay valid.
  std::vector<Instance>& Make(std::size_t level);

  /// Returns the names that an expression about this row may use: those of its instance, or of its source when it has none.
  const mappings::Scope& ScopeOf(const Work& work) const;

 private:
  void Add(std::size_t level, std::size_t source, Frame* outer, const std::string& outer_item);

  AttemptContext& context_;
  const EnteredSources& sources_;
  std::list<Frame> frames_;
  std::vector<Frame*> source_frames_;
  std::vector<std::vector<Instance>> levels_;
};

}  // namespace membridge::sync
