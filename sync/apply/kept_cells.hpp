#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/time.hpp"
#include "sync/apply/settle.hpp"

namespace membridge::sync {

/// What the ledger remembers of a cell about which a memory and a person disagreed.
struct KeptCell {
  std::optional<Instant> since{};        ///< when it was noticed; nothing: it is not open
  bool taken = false;                    ///< a person chose the memory's value, and it is not written yet
  std::vector<std::string> dismissed{};  ///< digests of the memory's values that a person refused, the latest last

  bool IsOpen() const { return since && !taken; }
};

/// By cell.
using KeptCells = std::map<std::string, KeptCell>;

/// Null for none: that is what the ledger's index leaves out.
nlohmann::json ToJson(const KeptCells& kept);
KeptCells KeptCellsFrom(const nlohmann::json& json);

/// Notes that the person's value stands against what the newest memory says. What a person refused before is not asked again.
void NoteKept(KeptCells& kept, const std::string& cell, const Content& said, Instant now);
/// Notes that nobody disagrees: `said` is false when no memory speaks of the cell, and then nothing of it is remembered.
void NoteAgreed(KeptCells& kept, const std::string& cell, bool said);
/// A person refuses what the newest memory says: not asked again until a memory says something else.
void Dismiss(KeptCell& cell, const std::string& name, const Content& said);

}  // namespace membridge::sync
