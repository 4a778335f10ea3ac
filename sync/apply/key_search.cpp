#include "sync/apply/key_search.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mappings/base/exact_json.hpp"
#include "sync/apply/choices.hpp"
#include "sync/apply/refusal.hpp"
#include "sync/apply/table_reader.hpp"
#include "sync/apply/version_keeper.hpp"

namespace membridge::sync {

using nlohmann::json;

std::string KeySearch::Shown(const mappings::Key& key) {
  std::string shown;
  for (const mappings::Assignment& part : key.parts) shown += (shown.empty() ? "(" : ", ") + part.cell.name;
  return shown + ")";
}

KeySearch::Asking KeySearch::AskingBy(const mappings::Key& key, const TargetTable& table, const std::vector<Instance*>& wanted) {
  Asking asking;
  for (const mappings::Assignment& part : key.parts)
    asking.columns.push_back(
        {table.IndexOf(part.cell.column).value(), part.cell.kind == mappings::Cell::Kind::kLowered, part.cell.path});
  for (Instance* instance : wanted) {
    if (instance->image) continue;
    for (const auto& found_by : instance->intent.keys) {
      if (found_by.key != &key) continue;
      asking.instances.push_back(instance);
      json& values = asking.values.emplace_back(json::object());
      for (std::size_t part = 0; part < found_by.parts.size(); ++part)
        values[table.NameOf(asking.columns[part])] = found_by.parts[part].value;
    }
  }
  return asking;
}

void KeySearch::Find(std::vector<Instance*>& wanted) {
  const TargetTable& table = *planned_.table;
  for (const mappings::Key& key : planned_.row->keys) {
    const Asking asking = AskingBy(key, table, wanted);
    if (asking.instances.empty()) continue;
    const auto lock = planned_.speaks || !planned_.row->add.empty() ? TableReader::Lock::kWrite : TableReader::Lock::kNone;
    const auto found = TableReader{table, context_.transaction}.Find(lock, asking.columns, asking.values);
    for (std::size_t i = 0; i < asking.instances.size(); ++i) Choose(*asking.instances[i], key, found[i]);
  }
  std::erase_if(wanted, [](const Instance* instance) { return instance->image || instance->buried; });
}

/// Returns the row that a person chose for this source. Throws a Refusal when no person chose.
const Image* KeySearch::Chosen(const Instance& instance, const std::vector<const Image*>& alive) {
  const TargetTable& table = *planned_.table;
  std::vector<json> identities;
  for (const Image* image : alive) identities.push_back(table.IdentityOf(*image));
  const Source& source = context_.sources[instance.source];
  const auto chosen =
      Choices{context_.transaction}.Among(context_.plan.mapping->name, source, planned_.row->name, table.Relation(), identities);
  if (chosen) return alive[*chosen];
  const auto [one, other] = std::minmax({mappings::ExactText(identities[0]), mappings::ExactText(identities[1])});
  Refusal refusal{
      ErrorCode::kRowRejected,
      fmt::format("more than one row of {} matches the key of row {}: {} and {}", planned_.row->TableName(), planned_.row->name,
                  one, other),
      "say which is meant with membridge parked candidates and choose, merge the rows, or give the key another column "
      "that tells them apart"};
  for (json& identity : identities) refusal.candidates.push_back({planned_.row->name, table.Relation(), std::move(identity)});
  throw refusal;
}

/// Chooses the instance's row among those that match the key.
void KeySearch::Choose(Instance& instance, const mappings::Key& key, const std::vector<Image>& found) {
  const TargetTable& table = *planned_.table;
  std::vector<const Image*> alive;
  for (const Image& image : found) {
    if (table.IsLive(image) && VersionKeeper::IsCurrent(planned_, image)) alive.push_back(&image);
  }
  if (alive.size() > 1) alive = {Chosen(instance, alive)};
  if (alive.size() == 1) {
    instance.image = *alive.front();
    instance.found_by = Shown(key);
    return;
  }
  for (const Image& image : found) {
    if (!VersionKeeper::IsCurrent(planned_, image)) continue;
    const auto known = context_.ledger.Known(table.Relation(), table.IdentityOf(image));
    // Only an instance that could create the row brings it back.
    if (planned_.row->create && instance.intent.holds && known && known->created && known->gone) {
      instance.image = image;
      instance.revived = true;
      instance.found_by = Shown(key);
      return;
    }
    instance.buried = true;
  }
}

}  // namespace membridge::sync
