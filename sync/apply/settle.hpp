#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/time.hpp"

namespace membridge::sync {

/// What stands in a cell. JSON: a column is its text (null for NULL), a path inside json is the JSON there, a group is an array
/// of its members' contents, each `[]` or `[value]`, elements are the array. Nothing: a path that is not there.
using Content = std::optional<nlohmann::json>;

/// What the ledger remembers of one cell.
struct CellEntry {
  Content before;          ///< what stood there when the bridge first wrote
  Content written;         ///< what stood there after the bridge last wrote: read back, so triggers and rounding are in it
  Content claim;           ///< the claim that led to `written`; nothing once every claim was withdrawn
  bool overruled = false;  ///< `before` is a person's value that gave way to `force`
  std::optional<Instant> theirs{};  ///< then: when the person had last touched the row, if that was known
  /// Then: that value stands there again, and is as old as it was, as long as nobody touches the row after `touched`.
  bool given_back = false;
  std::optional<Instant> touched{};
  /// Elements only: what a person took out before it was withdrawn. It stays away when it is said again.
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

/// What is known of the cell besides its history.
struct CellFacts {
  Content current;
  Content fallback;               ///< the column's default, when it is a constant
  bool is_key = false;            ///< rows are found by it: filled in, never withdrawn
  bool not_null = false;          ///< may not be emptied
  std::optional<Instant> theirs;  ///< when a person last touched the row, if that is known
};

/// What to do with the cell, and what to remember.
struct Settled {
  enum class Kind { kNothing, kWrite, kRestore, kKeep };
  Kind kind = Kind::kNothing;
  Content value;                   ///< to write or restore
  std::optional<CellEntry> entry;  ///< replaces the ledger's; its `written` is filled in after the write
  const char* note = "";
};

/// Decides one cell by mapping.md section 1.3: empty cells and the bridge's own are written, a person's are kept unless `force`
/// may overrule them, a withdrawn claim gives back what was there before. Pure.
Settled SettleCell(const CellFacts& facts, const std::optional<CellEntry>& entry, const std::optional<Winner>& winner);

/// The same for the elements of an array: each is owned by itself. `desired` is what all claims ask for together.
/// In the entry `written` holds the elements the bridge added, also those which a person has since taken out.
Settled SettleElements(const CellFacts& facts, const std::optional<CellEntry>& entry, const nlohmann::json& desired);

/// What a write of elements left there: `asked` was written, `after` stands there. Where a trigger or type altered elements of
/// ours the altered ones are ours, and `desired` is remembered as what led to them.
void NoticeAltered(CellEntry& entry, const nlohmann::json& asked, const Content& after, const nlohmann::json& desired);

/// Whether a cell counts as empty: not there, NULL, or for a group all of it.
bool IsEmpty(const Content& content);

}  // namespace membridge::sync
