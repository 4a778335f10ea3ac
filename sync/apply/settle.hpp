#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/time.hpp"

namespace membridge::sync {

/// The content of a cell, as JSON: a column is its text (null for NULL), a path inside json is the JSON there, a group is an
/// array of its members' contents, each `[]` or `[value]`, elements are the array. Nothing: the path does not exist.
using Content = std::optional<nlohmann::json>;

/// What the ledger remembers of one cell.
struct CellEntry {
  Content before;                   ///< the content when the bridge first wrote
  Content written;                  ///< the content after the bridge last wrote: read back, so it includes triggers and rounding
  Content claim;                    ///< the claim that led to `written`; nothing when every claim was withdrawn
  bool overruled = false;           ///< `before` is a person's value that gave way to `force`
  std::optional<Instant> theirs{};  ///< if overruled: when the person had last touched the row, if known
  /// If overruled: the person's value is back in the cell, and keeps its age as long as the row is not touched after `touched`.
  bool given_back = false;
  std::optional<Instant> touched{};
  /// Elements only: elements that a person removed before their claim was withdrawn. They are not added when they are claimed
  /// again.
  nlohmann::json removed = nlohmann::json::array();
  nlohmann::json ToJson() const;
  static CellEntry FromJson(const nlohmann::json& json);
};

/// The newest claim on a cell.
struct Winner {
  Content value;
  Instant stamp;
  bool force = false;
};

/// The present facts about the cell.
struct CellFacts {
  Content current;
  Content fallback;               ///< the column's default, when it is a constant
  bool is_key = false;            ///< rows are found by it: it is filled in, but never withdrawn
  bool not_null = false;          ///< may not be emptied
  std::optional<Instant> theirs;  ///< when a person last touched the row, if that is known
};

/// The decision: what to do with the cell, and what to remember.
struct Settled {
  enum class Kind { kNothing, kWrite, kRestore, kKeep };
  Kind kind = Kind::kNothing;
  Content value;                   ///< to write or restore
  std::optional<CellEntry> entry;  ///< replaces the ledger's; its `written` is filled in after the write
  const char* note = "";
};

/// Decides one cell by mapping.md section 1.3: writes empty cells and the bridge's own, keeps a person's unless `force` may
/// overrule it, and gives back the earlier content when a claim is withdrawn. Pure.
Settled SettleCell(const CellFacts& facts, const std::optional<CellEntry>& entry, const std::optional<Winner>& winner);

/// The same for the elements of an array, each of which has its own owner. `desired` is what all claims ask for together. In the
/// entry `written` holds the elements the bridge added, also those which a person has since taken out.
Settled SettleElements(const CellFacts& facts, const std::optional<CellEntry>& entry, const nlohmann::json& desired);

/// Notes what a write of elements left: `asked` was written, `after` is the content now. When a trigger or type altered our
/// elements, the altered ones count as ours, and `desired` is remembered as the claim that led to them.
void NoticeAltered(CellEntry& entry, const nlohmann::json& asked, const Content& after, const nlohmann::json& desired);

/// Whether a cell counts as empty: a missing path, NULL, or a group whose members are all empty.
bool IsEmpty(const Content& content);

}  // namespace membridge::sync
