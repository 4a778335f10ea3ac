#include "sync/apply/row_finder.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "sync/apply/key_search.hpp"
#include "sync/apply/table_reader.hpp"

namespace membridge::sync {

using nlohmann::json;

void RowFinder::Find(std::vector<Instance>& instances) {
  if (planned_.row->keys.empty()) {
    FindOwn(instances);
    return;
  }
  std::vector<Instance*> wanted;
  std::vector<Instance*> fresh;
  const std::set<std::size_t> known = SpeakersBefore();
  for (Instance& instance : instances) {
    // The row of a source that never spoke of the table rarely exists. So it is looked for only once, under the lock for making
    // it.
    const bool is_fresh = planned_.row->create && instance.intent.holds && !known.contains(instance.source);
    (is_fresh ? fresh : wanted).push_back(&instance);
  }
  KeySearch{context_, planned_}.Find(wanted);
  std::erase_if(wanted, [](const Instance* instance) { return !instance->intent.holds; });
  wanted.insert(wanted.end(), fresh.begin(), fresh.end());
  if (planned_.row->create && !wanted.empty()) maker_.MakeByKeys(wanted);
  WaitForMissing(instances);
}

/// The sources that said something of the table before.
std::set<std::size_t> RowFinder::SpeakersBefore() const {
  std::set<std::size_t> speakers;
  for (const Contribution& contribution : sources_.Former()) {
    if (contribution.relation == table_.Relation()) speakers.insert(sources_.SourceOf(contribution).value());
  }
  return speakers;
}

/// Finds rows without a key, which belong to their source alone, by their identity in the ledger.
void RowFinder::FindOwn(std::vector<Instance>& instances) {
  std::vector<json> identities;
  std::vector<Instance*> known;
  std::vector<Instance*> fresh;
  std::map<std::pair<std::size_t, std::string_view>, const Contribution*> former;  // by source and item
  for (const Contribution& contribution : sources_.Former()) {
    if (contribution.name == planned_.row->name && contribution.relation == table_.Relation())
      former.try_emplace({sources_.SourceOf(contribution).value(), contribution.item}, &contribution);
  }
  for (Instance& instance : instances) {
    const auto mine = former.find({instance.source, instance.item});
    if (mine == former.end()) {
      fresh.push_back(&instance);
    } else {
      known.push_back(&instance);
      identities.push_back(mine->second->identity);
    }
  }
  const auto images = TableReader{table_, context_.transaction}.Fetch(TableReader::Lock::kWrite, identities);
  for (std::size_t i = 0; i < known.size(); ++i) {
    // A row that a person deleted stays deleted. A row that could not be made from the present values does not belong to this
    // source any more.
    if (images[i] && table_.IsLive(*images[i]) && maker_.ValuesFor(*known[i])) known[i]->image = images[i];
  }
  std::erase_if(fresh, [](const Instance* instance) { return !instance->intent.holds; });
  if (planned_.row->create) maker_.Make(fresh);
}

/// Looks once more for missing rows, while no other transaction may make them, and notes those that are still missing.
void RowFinder::WaitForMissing(std::vector<Instance>& instances) {
  std::vector<Instance*> missing;
  for (Instance& instance : instances) {
    if (!instance.image) missing.push_back(&instance);
  }
  if (missing.empty()) return;
  std::map<const Instance*, std::vector<std::string>> numbers;
  if (context_.KeepsSources()) {
    for (const mappings::Key& key : planned_.row->keys) {
      const KeySearch::Asking asking = KeySearch::AskingBy(key, table_, missing);
      if (asking.instances.empty()) continue;
      const auto sought = context_.waits.Seek(table_, asking.columns, asking.values);
      for (std::size_t i = 0; i < sought.size(); ++i) numbers[asking.instances[i]].push_back(sought[i]);
    }
    std::vector<Instance*> wanted = missing;
    KeySearch{context_, planned_}.Find(wanted);
  }
  for (const Instance* instance : missing) {
    if (instance->image) continue;
    NoteMissing(*instance);
    if (context_.KeepsSources()) context_.report.Wait(instance->source);
    for (const std::string& number : numbers[instance]) context_.waits.Note(context_.sources[instance->source], table_, number);
  }
}

void RowFinder::NoteMissing(const Instance& instance) {
  const bool waits = context_.KeepsSources();
  if (!context_.report.Explains()) return;
  std::string why = "there is no such row";
  if (instance.buried) why = "the row is in the trash";
  if (!instance.lacks.empty()) why = instance.lacks + " has no value and cannot be null, so it can only join a row that is there";
  if (waits) why += "; the memory is applied again when the bridge makes one";
  context_.report.Note(instance.source,
                       {waits ? Decision::Kind::kWaits : Decision::Kind::kSkipped, planned_.Name(), planned_.row->TableName(),
                        nullptr, "", nullptr, nullptr, std::move(why), planned_.Line()});
}

}  // namespace membridge::sync
