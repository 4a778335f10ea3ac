#include "sync/apply/instances.hpp"

#include <optional>
#include <set>
#include <utility>

#include "mappings/base/exact_json.hpp"
#include "mappings/base/short_name.hpp"
#include "mappings/evaluate.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;

/// The bytes that the ledger's index of contributions has left beside the names of a project, a mapping, a row and a source.
constexpr std::size_t kLongestItem = 1536;

}  // namespace

void Instances::Begin() {
  for (const Source& source : context_.sources) {
    Frame& frame = frames_.emplace_back(nullptr);
    SetSourceNames(frame, source, context_.plan.mapping->vars, context_.now);
    source_frames_.push_back(&frame);
  }
  levels_.resize(context_.plan.rows.size());
}

std::vector<Instance>& Instances::Make(std::size_t level) {
  const mappings::Row& row = *context_.plan.rows[level].row;
  if (row.parent) {
    for (const Instance& outer : levels_[*row.parent]) {
      if (outer.image) Add(level, outer.source, outer.frame, outer.item);
    }
    return levels_[level];
  }
  for (const std::size_t i : sources_.Entered()) {
    if (!context_.sources[i].speaks) continue;
    if (mappings::Speaks(*context_.plan.mapping, source_frames_[i]->scope)) Add(level, i, source_frames_[i], "");
  }
  return levels_[level];
}

/// The instances of one source, or of one instance of the row that this one is nested in.
void Instances::Add(std::size_t level, std::size_t source, Frame* outer, const std::string& outer_item) {
  const mappings::Row& row = *context_.plan.rows[level].row;
  std::set<std::string> seen;
  for (const json& item : mappings::ItemsOf(row, outer->scope)) {
    Frame* frame = outer;
    std::string name = outer_item;
    if (row.each) {
      frame = &frames_.emplace_back(outer);
      frame->Set("item", item);
      name += (name.empty() ? "" : "/") + mappings::ExactText(item);
      name = mappings::ShortName(name, kLongestItem);
      if (!seen.insert(name).second) continue;
    }
    auto intent = mappings::Intend(row, frame->scope);
    if (!intent) {
      if (context_.report.Explains())
        context_.report.Note(source, {Decision::Kind::kSkipped, row.name, row.TableName(), nullptr, "", nullptr, nullptr,
                                      "its `when` is false, or a key value is missing", static_cast<int>(row.place.line)});
      continue;
    }
    levels_[level].push_back({source, frame, name, std::move(*intent), std::nullopt, "", false, false});
  }
}

const mappings::Scope& Instances::ScopeOf(const Work& work) const {
  return work.instances.empty() ? source_frames_[*work.sources.begin()]->scope : work.instances.back()->frame->scope;
}

}  // namespace membridge::sync
