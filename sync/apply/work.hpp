#pragma once

// The data that one attempt passes on between its parts. Private to sync/apply.

#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mappings/evaluate.hpp"
#include "sync/apply/ledger.hpp"
#include "sync/apply/source.hpp"
#include "sync/apply/target_table.hpp"

namespace membridge::sync {

/// The names an expression may use at one point of the evaluation, with the values they stand for.
struct Frame {
  explicit Frame(const Frame* outer) : scope(outer == nullptr ? nullptr : &outer->scope) {}
  void Set(const std::string& name, nlohmann::json value) {
    held.push_back(std::move(value));
    scope.Set(name, &held.back());
  }
  mappings::Scope scope;
  std::deque<nlohmann::json> held;
};

/// Sets the names that an expression may use before any row is found: the source's, `vars` and `now`. Source and vars outlive the
/// frame.
void SetSourceNames(Frame& frame, const Source& source, const nlohmann::json& vars, Instant now);

/// One mapping row for one source, from its key to its target row.
struct Instance {
  std::size_t source = 0;
  Frame* frame = nullptr;
  std::string item;
  mappings::RowIntent intent;
  std::optional<Image> image;  ///< the target row, once found or made
  std::string found_by;        ///< the key's columns, as in `(account_id, email)`
  bool created = false;
  bool revived = false;  ///< the bridge had marked it dead, and it is alive again
  bool buried = false;   ///< the row exists, but is marked dead
  std::string lacks{};   ///< the column whose missing value kept the row from being made
};

/// One target row of one level, with everything that decides about its cells.
struct Work {
  LedgerRow ledger;
  Image image;                                 ///< empty: the row does not exist any more
  std::vector<Instance*> instances;            ///< the instances that speak for it
  std::vector<const Contribution*> withdrawn;  ///< of this batch, as they were before
  std::vector<Contribution> given;             ///< of this batch, as they are now; parallel to `instances`
  std::vector<Contribution> others;            ///< of all other sources
  std::set<std::size_t> sources;               ///< whose outcome this row belongs to
  std::set<std::string> outgrown;              ///< cells that others claimed under an earlier edition of the mapping
  std::map<std::string, CellEntry> was;        ///< under `history`: the ledger's cells of the version that may be closed,
  std::vector<Contribution> spoke;             ///< and all contributions to it
  bool created = false;
  bool revived = false;
};

}  // namespace membridge::sync
