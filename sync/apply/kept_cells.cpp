#include "sync/apply/kept_cells.hpp"

#include <algorithm>

#include "mappings/base/digest.hpp"
#include "mappings/base/exact_json.hpp"

namespace membridge::sync {
namespace {

/// How many refused values of a cell are remembered.
constexpr std::size_t kRemembered = 16;

/// A digest tells whether the same value is claimed again without keeping the value.
std::string DigestOf(const std::string& cell, const Content& said) {
  return mappings::Sha256Hex(cell + '\0' + (said ? mappings::ExactText(*said) : "")).substr(0, 32);
}

}  // namespace

nlohmann::json ToJson(const KeptCells& kept) {
  nlohmann::json object;
  for (const auto& [name, cell] : kept) {
    nlohmann::json& one = object[name] = nlohmann::json::object();
    if (cell.since) one["s"] = FormatRfc3339(*cell.since);
    if (cell.taken) one["t"] = true;
    if (!cell.dismissed.empty()) one["d"] = cell.dismissed;
  }
  return object;
}

KeptCells KeptCellsFrom(const nlohmann::json& json) {
  KeptCells kept;
  for (const auto& [name, one] : json.items()) {
    KeptCell& cell = kept[name];
    if (one.contains("s")) cell.since = ParseRfc3339(one["s"].get<std::string>());
    cell.taken = one.value("t", false);
    cell.dismissed = one.value("d", std::vector<std::string>{});
  }
  return kept;
}

void NoteKept(KeptCells& kept, const std::string& cell, const Content& said, Instant now) {
  KeptCell& one = kept[cell];
  const bool is_refused = std::find(one.dismissed.begin(), one.dismissed.end(), DigestOf(cell, said)) != one.dismissed.end();
  if (is_refused)
    one.since.reset();
  else if (!one.IsOpen())
    one.since = now;
  one.taken = false;
}

void NoteAgreed(KeptCells& kept, const std::string& cell, bool said) {
  const auto found = kept.find(cell);
  if (found == kept.end()) return;
  found->second.since.reset();
  found->second.taken = false;
  if (!said || found->second.dismissed.empty()) kept.erase(found);
}

void Dismiss(KeptCell& cell, const std::string& name, const Content& said) {
  cell.since.reset();
  cell.dismissed.push_back(DigestOf(name, said));
  if (cell.dismissed.size() > kRemembered) cell.dismissed.erase(cell.dismissed.begin());
}

}  // namespace membridge::sync
