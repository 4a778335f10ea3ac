#include "sync/worker/history.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using postgres::Param;
using postgres::Rows;

/// Returns the step that an instant lies in, of steps that are counted from 1970.
Instant StepOf(Instant at, std::chrono::seconds step) {
  const auto since = at.time_since_epoch();
  return Instant{since - since % step};
}

template <class Counts>
std::string Written(const Counts& counts) {
  std::string text = "{";
  for (const auto count : counts) text += (text.size() > 1 ? "," : "") + std::to_string(count);
  return text + "}";
}

/// Reads as many counts as there are; those of another release may be more or fewer.
template <class Counts>
void Read(std::string_view json, Counts& into) {
  const auto read = nlohmann::json::parse(json);
  for (std::size_t i = 0; i < std::min(read.size(), into.size()); ++i) into[i] = read[i].get<std::uint64_t>();
}

}  // namespace

void HistoryStep::Add(const HistoryStep& other) {
  deliveries += other.deliveries;
  for (std::size_t i = 0; i < fates.size(); ++i) fates[i] += other.fates[i];
  for (std::size_t i = 0; i < lags.counts.size(); ++i) lags.counts[i] += other.lags.counts[i];
  if (other.parked) parked = std::max(parked.value_or(0), *other.parked);
}

void History::Add(const HistoryStep& step) {
  transaction_.Run(
      "INSERT INTO membridge.history AS h (at, deliveries, fates, lags, parked) "
      "VALUES ($1::timestamptz, $2::bigint, $3::bigint[], $4::bigint[], $5::bigint) "
      "ON CONFLICT (at) DO UPDATE SET deliveries = h.deliveries + excluded.deliveries, "
      "fates = membridge.counts_with(h.fates, excluded.fates), lags = membridge.counts_with(h.lags, excluded.lags), "
      "parked = greatest(h.parked, excluded.parked)",
      {FormatRfc3339(StepOf(step.at, kStep)), std::to_string(step.deliveries), Written(step.fates), Written(step.lags.counts),
       step.parked ? Param{std::to_string(*step.parked)} : std::nullopt});
}

std::vector<HistoryStep> History::Since(Instant since, Instant now, std::chrono::seconds step) const {
  std::vector<HistoryStep> steps;
  for (Instant at = StepOf(since, step); at <= now; at += step) steps.push_back({.at = at});
  const Rows rows = transaction_.Run(
      "SELECT at, deliveries, to_json(fates), to_json(lags), parked FROM membridge.history WHERE at >= $1::timestamptz",
      {FormatRfc3339(StepOf(since, step))});
  for (std::size_t row = 0; row < rows.size(); ++row) {
    HistoryStep read{.at = postgres::TimeAt(rows, row, 0), .deliveries = static_cast<std::uint64_t>(rows.Int(row, 1))};
    Read(rows.Text(row, 2), read.fates);
    Read(rows.Text(row, 3), read.lags.counts);
    if (!rows.IsNull(row, 4)) read.parked = rows.Int(row, 4);
    const auto place = static_cast<std::size_t>((read.at - steps.front().at) / step);
    if (place < steps.size()) steps[place].Add(read);
  }
  return steps;
}

void History::Forget(Instant now) {
  transaction_.Run("DELETE FROM membridge.history WHERE at < $1::timestamptz", {FormatRfc3339(now - kKept)});
}

}  // namespace membridge::sync
