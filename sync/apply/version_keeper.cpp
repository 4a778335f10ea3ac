#include "sync/apply/version_keeper.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "mappings/base/exact_json.hpp"
#include "mappings/evaluate.hpp"
#include "sync/apply/cells.hpp"
#include "sync/apply/table_writer.hpp"

namespace membridge::sync {
namespace {

using mappings::CellValue;
using nlohmann::json;

/// Returns the row as values for an INSERT, without columns that the database fills by itself.
json Copied(const TargetTable& table, const Image& image) {
  const std::vector<std::string> identity = table.Definition().Identity();
  json row = json::object();
  for (std::size_t c = 0; c < image.size(); ++c) {
    const mappings::Column& column = table.At(c);
    const bool numbered = column.has_default && std::find(identity.begin(), identity.end(), column.name) != identity.end();
    if (column.generated || column.identity || numbered) continue;
    if (!image[c])
      row[column.name] = nullptr;
    else
      row[column.name] = column.IsJson() || column.IsArray() ? mappings::ParseExact(*image[c]) : json(*image[c]);
  }
  return row;
}

/// Returns who said what in the open version: every source that spoke for the row, with the cells that hold its values.
std::vector<VersionClaim> SaidIn(const TargetTable& table, const Work& work) {
  std::map<std::pair<std::string, std::string>, VersionClaim> by_source;
  std::map<std::string, const Contribution*> winners;
  for (const Contribution& speaker : work.spoke) {
    VersionClaim& claim = by_source[{speaker.project, speaker.source}];
    for (const auto& [name, claimed] : speaker.cells) {
      const auto entry = work.was.find(name);
      const auto cell = CellNamed(table, name);
      if (entry == work.was.end() || !cell) continue;
      if (cell->kind == mappings::Cell::Kind::kElements) {
        json& asked_for = claim.cells[name].written.emplace(claim.cells[name].written.value_or(json::array()));
        if (claimed.value && claimed.value->is_array())
          asked_for.insert(asked_for.end(), claimed.value->begin(), claimed.value->end());
      } else if (entry->second.claim && ReadCell(table, work.image, *cell) == entry->second.written) {
        const Contribution*& winner = winners[name];
        if (winner == nullptr || speaker.IsNewerThan(*winner)) winner = &speaker;
      }
    }
  }
  for (const auto& [name, winner] : winners) {
    const CellEntry& entry = work.was.at(name);
    by_source[{winner->project, winner->source}].cells[name] = {entry.before, entry.written, {}};
  }
  // A blank version belongs to no source, but its values may still tell whose it was.
  if (by_source.empty() && work.ledger.created) by_source.try_emplace({});
  std::vector<VersionClaim> claims;
  for (auto& [who, claim] : by_source) {
    claim.relation = table.Relation();
    std::tie(claim.project, claim.source) = who;
    claim.created = work.ledger.created;
    claims.push_back(std::move(claim));
  }
  return claims;
}

}  // namespace

VersionKeeper::VersionKeeper(AttemptContext& context, const PlannedRow& planned)
    : context_(context),
      planned_(planned),
      table_(*planned.table),
      from_(table_.IndexOf(planned.row->history->from).value()),
      to_(table_.IndexOf(planned.row->history->to).value()) {}

bool VersionKeeper::IsCurrent(const PlannedRow& planned, const Image& image) {
  if (!planned.row->history) return true;
  const auto& until = image[planned.table->IndexOf(planned.row->history->to).value()];
  return !until || *until == "infinity";
}

void VersionKeeper::Keep(Work& work) {
  work.was = work.ledger.cells;
  work.spoke = work.others;
  for (const Contribution* withdrawn : work.withdrawn) work.spoke.push_back(*withdrawn);
}

std::vector<std::optional<Image>> VersionKeeper::Write(const std::vector<Work*>& works, const std::vector<RowChange>& changes) {
  std::vector<std::optional<Image>> after(works.size());
  for (std::size_t i = 0; i < works.size(); ++i) {
    Work& work = *works[i];
    const Instant begins = BeginOf(work);
    const auto began = table_.TimeIn(from_, work.image[from_]);
    // A version may not begin before the one it closes, and one made in this transaction is not history yet.
    const bool is_same = work.created || (began && begins <= *began);
    after[i] = is_same ? TableWriter{table_, context_.transaction}.Update({changes[i]}, {&work.image}).front()
                       : Open(work, changes[i], begins);
  }
  context_.ledger.Save(closed_);
  closed_.clear();
  return after;
}

/// The next version begins with the newest stamp of this batch.
Instant VersionKeeper::BeginOf(const Work& work) const {
  if (work.given.empty()) return context_.now;
  Instant begins = Instant::min();
  for (const Contribution& given : work.given) begins = std::max(begins, given.stamp);
  return begins;
}

/// Closes the open version and opens the next. Returns nothing when the row is gone.
std::optional<Image> VersionKeeper::Open(Work& work, const RowChange& change, Instant begins) {
  RowChange close;
  close.identity = work.ledger.identity;
  close.columns.emplace_back(to_, table_.TimeFor(to_, begins));
  const auto closed = TableWriter{table_, context_.transaction}.Update({close}, {&work.image}).front();
  if (!closed) return std::nullopt;
  for (VersionClaim& claim : SaidIn(table_, work)) {
    claim.identity = table_.IdentityOf(*closed);
    closed_.push_back(std::move(claim));
  }
  context_.report.Touch(work.sources, table_, work.ledger.identity);
  context_.told.Updated(table_, work.image, *closed, work.sources);
  Image open = TableWriter{table_, context_.transaction}.Insert({NextOf(work, change, begins)}).front();
  TableWriter{table_, context_.transaction}.RefuseTwins({open});
  context_.told.Inserted(table_, open, work.sources);
  work.ledger.identity = table_.IdentityOf(open);
  // Values that `new` gave belong to the open version.
  for (auto& [column, text] : work.ledger.made) {
    const auto& now = open[table_.IndexOf(column).value()];
    if (now) text = *now;
  }
  return open;
}

/// The values that the next version starts with.
json VersionKeeper::NextOf(const Work& work, const RowChange& change, Instant begins) const {
  const mappings::Row& row = *planned_.row;
  json next = Copied(table_, work.image);
  for (const auto& [column, value] : change.columns) next[table_.At(column).name] = value;
  for (const auto& [column, edits] : change.paths) {
    for (const PathEdit& edit : edits) Apply(edit, next[table_.At(column).name]);
  }
  next[table_.At(from_).name] = table_.TimeFor(from_, begins);
  // Values that `new` gives belong to one version, so they are computed for each and not copied.
  for (const mappings::Assignment& fresh : row.fresh) next.erase(fresh.cell.column);
  mappings::Scope scope{work.instances.empty() ? nullptr : &work.instances.back()->frame->scope};
  scope.Set("row", &next);
  if (!work.instances.empty()) {
    for (const CellValue& fresh : work.instances.back()->intent.fresh) PutCell(table_, fresh.to->cell, fresh.value, next);
  }
  const mappings::LateValues late = mappings::Late(row, scope);
  json with_late = next;
  for (const CellValue& fresh : late.fresh) PutCell(table_, fresh.to->cell, fresh.value, with_late);
  return with_late;
}

}  // namespace membridge::sync
