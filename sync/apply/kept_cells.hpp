#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/time.hpp"
#include "sync/apply/settle.hpp"

namespace membridge::sync {

/// What the ledger remembers of a cell in which a memory and a person disagreed.
struct KeptCell {
  std::optional<Instant> since{};        ///< when it was noticed; nothing: not open
  bool taken = false;                    ///< a person chose the memory's value, which is not written yet
  std::vector<std::string> dismissed{};  ///< digests of the memory's values that a person refused, the latest last

  bool IsOpen() const { return since && !taken; }
};

/// By the cell's name.
using KeptCells = std::map<std::string, KeptCell>;

/// Returns null when there are none: the ledger's index leaves out nulls.
nlohmann::json ToJson(const KeptCells& kept);
KeptCells KeptCellsFrom(const nlohmann::json& json);

/// Notes that the person's value differs from what the newest memory says. A value that a person refused before does not open the
/// cell again.
void NoteKept(KeptCells& kept, const std::string& cell, const Content& said, Instant now);
/// Notes that nothing disagrees. `said`: whether a memory claims the cell; if not, nothing of it is remembered.
void NoteAgreed(KeptCells& kept, const std::string& cell, bool said);
/// Notes that a person refuses what the newest memory says. The cell opens again only when a memory says something else.
void Dismiss(KeptCell& cell, const std::string& name, const Content& said);

}  // namespace membridge::sync
