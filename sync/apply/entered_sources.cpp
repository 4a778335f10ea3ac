#include "sync/apply/entered_sources.hpp"

#include <algorithm>

namespace membridge::sync {

EnteredSources::EnteredSources(AttemptContext& context) : context_(context) {
  for (std::size_t i = 0; i < context.sources.size(); ++i) by_id_[{context.sources[i].project.Text(), context.sources[i].id}] = i;
}

void EnteredSources::Enter() {
  const std::string& mapping = context_.plan.mapping->name;
  const bool counts_once = context_.plan.mapping->from == mappings::Mapping::From::kEvent;
  entered_ =
      counts_once ? context_.ledger.EnterOnce(mapping, context_.sources) : context_.ledger.Enter(mapping, context_.sources);
  for (std::size_t i = 0; i < entered_.size(); ++i) {
    if (!entered_[i]) context_.report.Late(i);
  }
}

void EnteredSources::ReadFormer() {
  former_ = context_.ledger.ContributionsOf(context_.plan.mapping->name, context_.sources);
  former_relations_.clear();
  for (const Contribution& contribution : former_) {
    const bool is_new =
        std::find(former_relations_.begin(), former_relations_.end(), contribution.relation) == former_relations_.end();
    if (is_new) former_relations_.push_back(contribution.relation);
  }
  std::erase_if(former_, [&](const Contribution& contribution) {
    const auto source = SourceOf(contribution);
    return !source || !entered_[*source];
  });
  taken_.assign(former_.size(), false);
}

std::vector<std::size_t> EnteredSources::Entered() const {
  std::vector<std::size_t> entered;
  for (std::size_t i = 0; i < entered_.size(); ++i) {
    if (entered_[i]) entered.push_back(i);
  }
  return entered;
}

std::optional<std::size_t> EnteredSources::SourceOf(const Contribution& contribution) const {
  const auto found = by_id_.find({contribution.project, contribution.source});
  return found == by_id_.end() ? std::nullopt : std::optional{found->second};
}

void EnteredSources::Take(const std::function<bool(const Contribution&)>& is_wanted,
                          const std::function<void(const Contribution&)>& use) {
  for (std::size_t i = 0; i < former_.size(); ++i) {
    if (taken_[i] || !is_wanted(former_[i])) continue;
    taken_[i] = true;
    use(former_[i]);
  }
}

}  // namespace membridge::sync
