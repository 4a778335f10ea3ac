#include "sync/explain/plan_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "mappings/base/exact_json.hpp"

namespace membridge::sync {
namespace {

using Kind = Decision::Kind;

std::string_view NameOf(Kind kind) {
  switch (kind) {
    case Kind::kCreated:
      return "created";
    case Kind::kDeleted:
      return "deleted";
    case Kind::kFound:
      return "found";
    case Kind::kSkipped:
      return "skipped";
    case Kind::kWaits:
      return "waits";
    case Kind::kWritten:
      return "written";
    case Kind::kRestored:
      return "restored";
    case Kind::kKept:
      return "kept";
    case Kind::kUnchanged:
      return "unchanged";
  }
  return "unknown";
}

std::string ShownChange(const nlohmann::json& value) {
  if (value.is_null()) return "null";
  if (value.is_string()) return "'" + value.get<std::string>() + "'";
  return mappings::ExactText(value);
}

std::string RowTitle(const Decision& decision) {
  std::string title = decision.table;
  if (decision.identity.is_object()) {
    for (const auto& [column, value] : decision.identity.items()) {
      title += fmt::format(" {}={}", column, value.is_string() ? value.get<std::string>() : mappings::ExactText(value));
    }
  }
  return title;
}

/// One target row with what would happen to its cells.
struct RowPlan {
  const Decision* row = nullptr;  // nullptr: only cells were decided
  std::vector<const Decision*> cells;
  int line = 0;
};

std::vector<RowPlan> ByRow(const Outcome& outcome) {
  std::vector<RowPlan> rows;
  const auto of = [&](const Decision& decision) -> RowPlan& {
    for (RowPlan& plan : rows) {
      const Decision& first = plan.row != nullptr ? *plan.row : *plan.cells.front();
      if (first.row == decision.row && first.table == decision.table && first.identity == decision.identity) return plan;
    }
    return rows.emplace_back();
  };
  for (const Decision& decision : outcome.decisions) {
    RowPlan& plan = of(decision);
    if (decision.cell.empty()) {
      plan.row = &decision;
    } else {
      plan.cells.push_back(&decision);
    }
    plan.line = plan.line == 0 ? decision.line : std::min(plan.line, decision.line);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const RowPlan& a, const RowPlan& b) { return a.line < b.line; });
  return rows;
}

struct Line {
  char mark = ' ';
  std::string name;
  std::string what;
  std::string text;
};

void AddRowLines(const RowPlan& plan, std::vector<Line>& lines) {
  const Decision& head = plan.row != nullptr ? *plan.row : *plan.cells.front();
  switch (head.cell.empty() ? head.kind : Kind::kFound) {
    case Kind::kCreated:
      lines.push_back({'+', head.row, RowTitle(head), "new row"});
      break;
    case Kind::kDeleted:
      lines.push_back({'-', head.row, RowTitle(head), head.note});
      break;
    case Kind::kSkipped:
      lines.push_back({' ', head.row, head.table, "skipped: " + head.note});
      return;
    case Kind::kWaits:
      lines.push_back({' ', head.row, head.table, "waits: " + head.note});
      return;
    default:
      lines.push_back({' ', head.row, RowTitle(head), "found"});
      break;
  }
  if (head.kind == Kind::kCreated && head.after.is_object()) {
    for (const auto& [column, value] : head.after.items()) {
      if (!value.is_null()) lines.push_back({'+', "", column, ShownChange(value)});
    }
  }
  for (const Decision* cell : plan.cells) {
    switch (cell->kind) {
      case Kind::kWritten:
        lines.push_back({'~', "", cell->cell, ShownChange(cell->before) + " → " + ShownChange(cell->after)});
        break;
      case Kind::kRestored:
        lines.push_back({'<', "", cell->cell, ShownChange(cell->before) + " → " + ShownChange(cell->after) + " withdrawn"});
        break;
      case Kind::kKept:
        lines.push_back(
            {'=', "", cell->cell,
             fmt::format("{} kept: {} (memory says {})", ShownChange(cell->before), cell->note, ShownChange(cell->after))});
        break;
      case Kind::kSkipped:
        lines.push_back({' ', "", cell->cell, "skipped: " + cell->note});
        break;
      default:
        break;  // a cell that stays as it is needs no line
    }
  }
}

/// Counts code points, so that columns line up in every script with one cell per letter.
std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string Padded(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, Width(text)), ' ');
}

}  // namespace

PlanCounts& PlanCounts::operator+=(const PlanCounts& other) {
  changed += other.changed;
  created += other.created;
  deleted += other.deleted;
  kept += other.kept;
  withdrawn += other.withdrawn;
  parked += other.parked;
  return *this;
}

std::string PlanCounts::Summary() const {
  const auto counted = [](std::size_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
  };
  std::string text = fmt::format("{} changed, {} created", counted(changed, "cell"), counted(created, "row"));
  if (deleted > 0) text += fmt::format(", {} deleted", deleted);
  text += fmt::format(", {} kept, {} withdrawn", kept, withdrawn == 0 ? "nothing" : std::to_string(withdrawn));
  if (parked > 0) text += fmt::format(", {} parked", parked);
  return text + ". Rolled back.";
}

PlanCounts CountsOf(const Outcome& outcome) {
  PlanCounts counts;
  counts.parked = outcome.kind == Outcome::Kind::kParked ? 1U : 0U;
  for (const Decision& decision : outcome.decisions) {
    counts.changed += decision.kind == Kind::kWritten ? 1U : 0U;
    counts.created += decision.kind == Kind::kCreated ? 1U : 0U;
    counts.deleted += decision.kind == Kind::kDeleted ? 1U : 0U;
    counts.kept += decision.kind == Kind::kKept ? 1U : 0U;
    counts.withdrawn += decision.kind == Kind::kRestored ? 1U : 0U;
  }
  return counts;
}

bool WouldChange(const Outcome& outcome) {
  const PlanCounts counts = CountsOf(outcome);
  return outcome.wrote || counts.changed + counts.created + counts.deleted + counts.withdrawn > 0;
}

std::string PlanText(const std::string& source, const std::string& mapping_file, const Outcome& outcome) {
  std::string text = fmt::format("{} → {}\n", source, mapping_file);
  if (outcome.kind == Outcome::Kind::kLate)
    return text + "taken already: a later read, or the same event, was there first. Rolled back.\n";
  if (outcome.kind == Outcome::Kind::kParked) {
    text += fmt::format("would be parked at {}: {}\n", outcome.place, outcome.cause);
    if (!outcome.hint.empty()) text += outcome.hint + "\n";
    return text + "Rolled back.\n";
  }
  std::vector<Line> lines;
  for (const RowPlan& plan : ByRow(outcome)) AddRowLines(plan, lines);
  std::size_t name_width = 0;
  std::size_t what_width = 0;
  for (const Line& line : lines) {
    name_width = std::max(name_width, Width(line.name));
    what_width = std::max(what_width, Width(line.what));
  }
  for (const Line& line : lines) {
    const bool is_row = !line.name.empty();
    const std::string front = is_row ? fmt::format("  {} {}", line.mark, Padded(line.name, name_width))
                                     : Padded(fmt::format("      {}", line.mark), 4 + name_width);
    text += fmt::format("{}  {}  {}\n", front, Padded(line.what, what_width), line.text);
  }
  return text + CountsOf(outcome).Summary() + "\n";
}

nlohmann::ordered_json PlanJson(const std::string& source, const std::string& mapping_file, const Outcome& outcome) {
  static constexpr const char* kOutcomes[] = {"applied", "late", "parked"};
  nlohmann::ordered_json decisions = nlohmann::ordered_json::array();
  for (const Decision& decision : outcome.decisions) {
    decisions.push_back({{"kind", NameOf(decision.kind)},
                         {"row", decision.row},
                         {"table", decision.table},
                         {"identity", decision.identity},
                         {"cell", decision.cell.empty() ? nlohmann::json(nullptr) : nlohmann::json(decision.cell)},
                         {"before", decision.before},
                         {"after", decision.after},
                         {"note", decision.note},
                         {"line", decision.line}});
  }
  const PlanCounts counts = CountsOf(outcome);
  nlohmann::ordered_json json{{"source", source},
                              {"mapping", mapping_file},
                              {"outcome", kOutcomes[static_cast<int>(outcome.kind)]},
                              {"would_change", WouldChange(outcome)},
                              {"counts",
                               {{"changed", counts.changed},
                                {"created", counts.created},
                                {"deleted", counts.deleted},
                                {"kept", counts.kept},
                                {"withdrawn", counts.withdrawn}}},
                              {"decisions", std::move(decisions)}};
  if (outcome.kind == Outcome::Kind::kParked) {
    json["parked"] = {{"code", membridge::NameOf(outcome.code)},
                      {"place", outcome.place},
                      {"cause", outcome.cause},
                      {"hint", outcome.hint},
                      {"sqlstate", outcome.sqlstate}};
  }
  return json;
}

}  // namespace membridge::sync
