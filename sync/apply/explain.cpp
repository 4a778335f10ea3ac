#include "sync/apply/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace membridge::sync {
namespace {

using nlohmann::json;

constexpr std::size_t kShown = 60;  // of a value, in bytes

std::string Shortened(std::string text) {
  if (text.size() <= kShown) return text;
  std::size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a UTF-8 sequence
  return text.substr(0, end) + "…";
}

std::string Shown(const json& value) {
  if (value.is_null()) return "null";
  if (value.is_string()) return "'" + Shortened(value.get<std::string>()) + "'";
  return Shortened(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string ShownIdentity(const json& identity) {
  std::string shown;
  for (const auto& [column, value] : identity.items()) shown += fmt::format(" {}={}", column, value.is_string() ? Shortened(value.get<std::string>()) : value.dump());
  return shown;
}

std::string_view NameOf(Decision::Kind kind) {
  switch (kind) {
    case Decision::Kind::kCreated: return "created";
    case Decision::Kind::kDeleted: return "deleted";
    case Decision::Kind::kFound: return "found";
    case Decision::Kind::kSkipped: return "skipped";
    case Decision::Kind::kWritten: return "written";
    case Decision::Kind::kRestored: return "withdrawn";
    case Decision::Kind::kKept: return "kept";
    case Decision::Kind::kUnchanged: return "unchanged";
  }
  return "unchanged";
}

bool IsAboutRow(const Decision& decision) { return decision.cell.empty() || decision.kind == Decision::Kind::kSkipped; }

std::string RowLine(const Decision& decision) {
  const char mark = decision.kind == Decision::Kind::kCreated ? '+' : decision.kind == Decision::Kind::kDeleted ? '-' : ' ';
  const std::string what = decision.kind == Decision::Kind::kSkipped ? "skipped: " + decision.note : decision.note;
  const std::string row = decision.identity.is_null() ? "" : decision.table + ShownIdentity(decision.identity);
  return fmt::format("  {} {:<14}{:<42}{}\n", mark, decision.row, row, what);
}

std::string CellLine(const Decision& decision) {
  const std::string note = decision.note.empty() ? "" : "  (" + decision.note + ")";
  switch (decision.kind) {
    case Decision::Kind::kKept:
      return fmt::format("    = {:<30}{} kept: {} (memory says {})\n", decision.cell, Shown(decision.before), decision.note, Shown(decision.after));
    case Decision::Kind::kUnchanged: return "";
    default: return fmt::format("    ~ {:<30}{} → {}{}\n", decision.cell, Shown(decision.before), Shown(decision.after), note);
  }
}

std::string Counted(std::size_t number, std::string_view one, std::string_view many) {
  return number == 1 ? fmt::format("1 {}", one) : fmt::format("{} {}", number, many);
}

}  // namespace

PlanCounts& PlanCounts::operator+=(const PlanCounts& other) {
  cells_changed += other.cells_changed;
  rows_created += other.rows_created;
  rows_deleted += other.rows_deleted;
  kept += other.kept;
  withdrawn += other.withdrawn;
  parked += other.parked;
  return *this;
}

std::string PlanCounts::Text() const {
  std::string text = Counted(cells_changed, "cell changed", "cells changed") + ", " + Counted(rows_created, "row created", "rows created");
  if (rows_deleted > 0) text += ", " + Counted(rows_deleted, "row deleted", "rows deleted");
  text += fmt::format(", {} kept, {} withdrawn", kept, withdrawn == 0 ? "nothing" : std::to_string(withdrawn));
  if (parked > 0) text += fmt::format(", {} parked", parked);
  return text;
}

PlanCounts CountsOf(const Outcome& outcome) {
  PlanCounts counts;
  if (outcome.kind == Outcome::Kind::kParked) counts.parked = 1;
  for (const Decision& decision : outcome.decisions) {
    switch (decision.kind) {
      case Decision::Kind::kCreated: ++counts.rows_created; break;
      case Decision::Kind::kDeleted: ++counts.rows_deleted; break;
      case Decision::Kind::kWritten: ++counts.cells_changed; break;
      case Decision::Kind::kRestored: ++counts.withdrawn; break;
      case Decision::Kind::kKept: ++counts.kept; break;
      default: break;
    }
  }
  return counts;
}

std::string ExplainText(const std::string& source, const std::string& mapping_file, const Outcome& outcome) {
  std::string text = fmt::format("memory {} → {}\n", source, mapping_file);
  if (outcome.kind == Outcome::Kind::kParked) {
    text += fmt::format("  ! would be parked at {}: {}{}\n", outcome.place, outcome.sqlstate.empty() ? "" : outcome.sqlstate + " ", outcome.cause);
    if (!outcome.hint.empty()) text += fmt::format("    {}\n", outcome.hint);
    return text;
  }
  // A row's line, then its cells: the decisions come cell first.
  std::vector<const Decision*> rows;
  for (const Decision& decision : outcome.decisions) {
    if (IsAboutRow(decision)) rows.push_back(&decision);
  }
  std::vector<const Decision*> shown;
  for (const Decision* row : rows) {
    text += RowLine(*row);
    for (const Decision& cell : outcome.decisions) {
      if (IsAboutRow(cell) || cell.row != row->row || cell.identity != row->identity || std::find(shown.begin(), shown.end(), &cell) != shown.end()) continue;
      shown.push_back(&cell);
      if (row->kind != Decision::Kind::kCreated) text += CellLine(cell);
    }
  }
  for (const Decision& cell : outcome.decisions) {
    if (IsAboutRow(cell) || std::find(shown.begin(), shown.end(), &cell) != shown.end() || cell.kind == Decision::Kind::kUnchanged) continue;
    text += fmt::format("    {:<14}{}{}\n", cell.row, cell.table, ShownIdentity(cell.identity)) + CellLine(cell);
  }
  return text;
}

json ExplainJson(const std::string& source, const std::string& mapping_file, const Outcome& outcome) {
  json decisions = json::array();
  for (const Decision& decision : outcome.decisions) {
    decisions.push_back({{"kind", NameOf(decision.kind)},
                         {"row", decision.row},
                         {"table", decision.table},
                         {"identity", decision.identity},
                         {"cell", decision.cell},
                         {"before", decision.before},
                         {"after", decision.after},
                         {"note", decision.note},
                         {"line", decision.line}});
  }
  json all{{"memory", source}, {"mapping", mapping_file}, {"decisions", std::move(decisions)}};
  switch (outcome.kind) {
    case Outcome::Kind::kApplied: all["outcome"] = "applied"; break;
    case Outcome::Kind::kLate: all["outcome"] = "late"; break;
    case Outcome::Kind::kParked:
      all["outcome"] = "parked";
      all["cause"] = outcome.cause;
      all["hint"] = outcome.hint;
      all["place"] = outcome.place;
      all["sqlstate"] = outcome.sqlstate;
  }
  return all;
}

}  // namespace membridge::sync
