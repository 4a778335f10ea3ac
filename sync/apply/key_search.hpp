#pragma once

#include <string>
#include <vector>

#include "sync/apply/attempt_context.hpp"
#include "sync/apply/work.hpp"

namespace membridge::sync {

/// Finds target rows by the keys of a mapping's row. Functions throw postgres::SqlFailure or Refusal.
class KeySearch {
 public:
  /// Both outlive it.
  KeySearch(AttemptContext& context, const PlannedRow& planned) : context_(context), planned_(planned) {}

  /// The instances without a row that have this key, and the key's values.
  struct Asking {
    std::vector<TargetTable::KeyColumn> columns;
    std::vector<Instance*> instances;
    std::vector<nlohmann::json> values;
  };
  static Asking AskingBy(const mappings::Key& key, const TargetTable& table, const std::vector<Instance*>& wanted);

  /// Fills in the images of the instances whose row is found and leaves the others in `wanted`. A dead row also counts as found,
  /// so that no second row is created.
  void Find(std::vector<Instance*>& wanted);

  /// Returns the key's columns for messages, as in `(account_id, email)`.
  static std::string Shown(const mappings::Key& key);

 private:
  const Image* Chosen(const Instance& instance, const std::vector<const Image*>& alive);
  void Choose(Instance& instance, const mappings::Key& key, const std::vector<Image>& found);

  AttemptContext& context_;
  const PlannedRow& planned_;
};

}  // namespace membridge::sync
