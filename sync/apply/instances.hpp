#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <vector>

#include "sync/apply/attempt_context.hpp"
#include "sync/apply/entered_sources.hpp"
#include "sync/apply/work.hpp"

namespace membridge::sync {

/// What the sources of an attempt speak of, level by level, a level being one row of the mapping; and the names that expressions
/// may use there.
class Instances {
 public:
  /// Both outlive it.
  Instances(AttemptContext& context, const EnteredSources& sources) : context_(context), sources_(sources) {}

  /// Makes the names of each source ready. Once, when the sources have been entered.
  void Begin();
  /// The instances of a level; those before it have been made, and found their rows. Stay where they are.
  std::vector<Instance>& Make(std::size_t level);

  /// The names that an expression about this row may use, be it in behalf of an instance or only of a source.
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
