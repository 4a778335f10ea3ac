#include <fmt/format.h>

#include "mappings/check/row_check.hpp"

// Times in a row, compared with the columns they go to.
namespace membridge::mappings {
namespace {

/// What kind of time an expression yields, as far as that is known without data.
enum class TimeKind {
  kUnknown,
  kInstant,  ///< with an offset: `$now`, `$memory.created_at`, `... | time`
  kLocal,    ///< without one: `... | at('Europe/Berlin')`
  kDay,      ///< `... | date`
};

TimeKind KindOfPath(const Path& path) {
  if (path.name == "now" && path.steps.empty()) return TimeKind::kInstant;
  const auto* field = path.steps.size() == 1 ? std::get_if<std::string>(&path.steps[0]) : nullptr;
  if (field == nullptr) return TimeKind::kUnknown;
  const bool instant = (path.name == "memory" && (*field == "created_at" || *field == "updated_at")) ||
                       (path.name == "event" && *field == "time") || (path.name == "export" && *field == "completed_at");
  return instant ? TimeKind::kInstant : TimeKind::kUnknown;
}

TimeKind TimeKindOf(const Expression& expression) {
  const Expression::Node& node = expression.Root();
  TimeKind kind = TimeKind::kUnknown;
  if (const auto* path = std::get_if<Path>(&node.operand)) kind = KindOfPath(*path);
  if (const auto* inner = std::get_if<Expression>(&node.operand)) kind = TimeKindOf(*inner);
  for (const Call& call : node.calls) {
    const std::string_view name = call.function->name;
    if (name == "time") {
      kind = TimeKind::kInstant;
    } else if (name == "at") {
      kind = TimeKind::kLocal;
    } else if (name == "date") {
      kind = TimeKind::kDay;
    } else if (name != "or" && name != "first") {
      kind = TimeKind::kUnknown;
    }
  }
  return kind;
}

/// Whether the expression reads data that may have an offset, without converting it to a zone itself.
bool LeavesZoneOpen(const Expression& expression) {
  const TimeKind kind = TimeKindOf(expression);
  if (kind == TimeKind::kInstant) return true;
  if (kind != TimeKind::kUnknown) return false;
  for (const char* name : {"memory", "export", "event", "item"}) {
    if (expression.Names().count(name) > 0) return true;
  }
  return false;
}

/// Whether the column takes a time of day such as `09:12`, but not a date and time.
bool IsTimeOfDay(const Column& column) {
  return column.base_type.compare(0, 5, "time ") == 0;
}

/// Returns how to write a time to a column that cannot take it as it is; empty when there is no way.
const char* FixFor(const Column& column) {
  if (column.category == 'N') return "; add \"| epoch\" for seconds since 1970, or \"| epoch_ms\" for milliseconds";
  return IsTimeOfDay(column) ? "; add \"| at('Europe/Berlin') | capture('T(.+)')\" for the time of day" : "";
}

/// Whether a time can be written to the column at all.
bool TakesTime(const Column& column) {
  if (column.base_type == "uuid" || IsTimeOfDay(column) || !column.enum_labels.empty()) return false;
  return std::string_view{"NBATIGEVR"}.find(column.category) == std::string_view::npos;
}

}  // namespace

void RowCheck::CheckTime(const Column& column, const Expression& expression, const Place& place) {
  if (TimeKindOf(expression) != TimeKind::kUnknown && !TakesTime(column)) {
    problems_.Error(place, fmt::format("{} is {} and cannot take a time{}", Named(column), column.type, FixFor(column)));
    return;
  }
  // Data for a `date` column usually are a day already, so only expressions known to yield a moment are reported there.
  const bool open = column.IsZoneless() ? LeavesZoneOpen(expression)
                                        : column.base_type == "date" && TimeKindOf(expression) == TimeKind::kInstant;
  if (open) WarnOfZone(column, place, "add \"| at('Europe/Berlin')\", or ");
}

/// A column without a time zone takes the digits of a time and drops its offset.
void RowCheck::WarnOfZone(const Column& column, const Place& place, std::string_view fix) {
  if (mapping_.timezone) return;
  problems_.Warn(place,
                 fmt::format("{} is {}, and no zone is said: it gets the time of UTC; {}say which under \"session\", as in "
                             "timezone: UTC",
                             Named(column), column.type, fix));
}

}  // namespace membridge::mappings
