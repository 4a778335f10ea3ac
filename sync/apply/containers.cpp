#include "sync/apply/containers.hpp"

#include <algorithm>

#include "mappings/base/exact_json.hpp"
#include "mappings/files/cell_reader.hpp"
#include "sync/apply/json_path.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;

/// The ledger's name for the fact that the bridge made the object at a path of a json column: `{attrs}`, `{attrs.plan}`.
std::string ContainerName(const std::string& column, const JsonPath& path, std::size_t length) {
  return "{" + mappings::NameOfPath(column, path, length) + "}";
}

/// The missing objects that a value at this path needs.
void RememberMade(const std::string& column, const JsonPath& path, const json& document, LedgerRow& ledger) {
  for (std::size_t length = 0; length < path.size(); ++length) {
    const json* at = At(document, path, length);
    if (at != nullptr && at->is_object()) continue;
    ledger.cells.try_emplace(ContainerName(column, path, length),
                             CellEntry{at == nullptr ? Content{} : Content{*at}, json::object(), {}});
  }
}

/// One json column of a row that changes.
struct EditedColumn {
  const TargetTable& table;
  std::size_t column;
  json document;
  std::vector<PathEdit>& edits;
  RowChange& change;
  LedgerRow& ledger;

  /// Removes objects of ours that an erased path left empty, from the inside out.
  void Tidy(const JsonPath& erased) {
    for (std::size_t length = erased.size(); length-- > 0;) {
      const json* at = At(document, erased, length);
      const auto entry = ledger.cells.find(ContainerName(table.At(column).name, erased, length));
      if (at == nullptr || !at->is_object() || !at->empty() || entry == ledger.cells.end()) return;
      if (length > 0)
        GiveBack(JsonPath(erased.begin(), erased.begin() + static_cast<std::ptrdiff_t>(length)), entry->second.before);
      else
        GiveBackColumn(entry->second.before);
      ledger.cells.erase(entry);
    }
  }

  void GiveBack(const JsonPath& container, const Content& before) {
    edits.push_back({container, before});
    Apply(edits.back(), document);
  }

  void GiveBackColumn(const Content& before) {
    if (table.At(column).not_null || (before && !before->is_null())) return;
    edits.clear();
    change.columns.emplace_back(column, nullptr);
  }
};

}  // namespace

void KeepContainers(const TargetTable& table, const Image& before, RowChange& change, LedgerRow& ledger) {
  for (auto& [column, edits] : change.paths) {
    EditedColumn edited{table, column, before[column] ? mappings::ParseExact(*before[column]) : json(nullptr),
                        edits, change, ledger};
    std::vector<JsonPath> erased;
    for (const PathEdit& edit : edits) {
      if (edit.value)
        RememberMade(table.At(column).name, edit.path, edited.document, ledger);
      else
        erased.push_back(edit.path);
      Apply(edit, edited.document);
    }
    for (const JsonPath& path : erased) edited.Tidy(path);
  }
  std::erase_if(change.paths, [](const auto& edits) { return edits.second.empty(); });
  std::sort(change.columns.begin(), change.columns.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
}

}  // namespace membridge::sync
