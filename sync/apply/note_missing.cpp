// Notes rows that are missing: another memory may make them later.

#include "sync/apply/application.hpp"

namespace membridge::sync {

/// Exports and events are not kept: there is nothing to apply again.
bool Application::MayWait() const {
  return plan_.mapping->from == mappings::Mapping::From::kMemory;
}

/// Those that have no row: looked for once more while nobody may make it, and noted.
void Application::WaitForMissing(const PlannedRow& planned, std::vector<Instance>& instances) {
  std::vector<Instance*> missing;
  for (Instance& instance : instances) {
    if (!instance.image) missing.push_back(&instance);
  }
  if (missing.empty()) return;
  std::map<const Instance*, std::vector<std::string>> numbers;
  if (MayWait()) {
    for (const mappings::Key& key : planned.row->keys) {
      const Asking asking = AskingBy(key, *planned.table, missing);
      if (asking.instances.empty()) continue;
      const auto sought = waits_.Seek(*planned.table, asking.columns, asking.values);
      for (std::size_t i = 0; i < sought.size(); ++i) numbers[asking.instances[i]].push_back(sought[i]);
    }
    std::vector<Instance*> wanted = missing;
    FindByKeys(planned, wanted);
  }
  for (const Instance* instance : missing) {
    if (instance->image) continue;
    NoteMissing(planned, *instance, MayWait());
    if (MayWait()) report_.Wait(instance->source);
    for (const std::string& number : numbers[instance]) waits_.Note(sources_[instance->source], *planned.table, number);
  }
}

void Application::NoteMissing(const PlannedRow& planned, const Instance& instance, bool waits) {
  if (!report_.Explains()) return;
  std::string why = "there is no such row";
  if (instance.buried) why = "the row is in the trash";
  if (!instance.lacks.empty()) why = instance.lacks + " has no value and cannot be null, so it can only join a row that is there";
  if (waits) why += "; looked at again when the bridge makes one";
  report_.Note(instance.source, {waits ? Decision::Kind::kWaits : Decision::Kind::kSkipped, planned.Name(),
                                 planned.row->TableName(), nullptr, "", nullptr, nullptr, std::move(why), planned.Line()});
}

void Application::SettleWaits() {
  std::vector<const Source*> entered;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (entered_[i] && MayWait()) entered.push_back(&sources_[i]);
  }
  for (const std::size_t source : waits_.Settle(entered)) report_.Wake(source);
}

}  // namespace membridge::sync
