// `history`: a change closes the open version of a row and opens the next.

#include <algorithm>
#include <map>
#include <tuple>

#include "mappings/base/exact_json.hpp"
#include "sync/apply/application.hpp"
#include "sync/apply/cells.hpp"

namespace membridge::sync {
namespace {

using mappings::CellValue;
using nlohmann::json;

/// The row as values for an INSERT: everything but what the database makes by itself.
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

/// Who said what of the version that stands there: whoever spoke for the row when it was closed, and whose word each cell holds.
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
  // A blank version is nobody's, but may be known by whose it was.
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

bool Application::IsCurrent(const PlannedRow& planned, const Image& image) {
  if (!planned.row->history) return true;
  const auto& until = image[planned.table->IndexOf(planned.row->history->to).value()];
  return !until || *until == "infinity";
}

void Application::KeepVersion(Work& work) {
  work.was = work.ledger.cells;
  work.spoke = work.others;
  for (const Contribution* withdrawn : work.withdrawn) work.spoke.push_back(*withdrawn);
}

std::vector<std::optional<Image>> Application::OpenVersions(const PlannedRow& planned, const std::vector<Work*>& works,
                                                            const std::vector<RowChange>& changes) {
  const TargetTable& table = *planned.table;
  const mappings::Row& row = *planned.row;
  const std::size_t from = table.IndexOf(row.history->from).value();
  const std::size_t to = table.IndexOf(row.history->to).value();
  std::vector<std::optional<Image>> after(works.size());
  std::vector<VersionClaim> said;
  for (std::size_t i = 0; i < works.size(); ++i) {
    Work& work = *works[i];
    Instant begins = now_;
    if (!work.given.empty()) {
      begins = Instant::min();
      for (const Contribution& given : work.given) begins = std::max(begins, given.stamp);
    }
    const auto began = table.TimeIn(from, work.image[from]);
    // A version may not begin before the one it closes, and one made in this transaction is not history yet.
    if (work.created || (began && begins <= *began)) {
      after[i] = table.Update(transaction_, {changes[i]}, {&work.image}).front();
      continue;
    }
    RowChange close;
    close.identity = work.ledger.identity;
    close.columns.emplace_back(to, table.TimeFor(to, begins));
    const auto closed = table.Update(transaction_, {close}, {&work.image}).front();
    if (!closed) continue;
    for (VersionClaim& claim : SaidIn(table, work)) {
      claim.identity = table.IdentityOf(*closed);
      said.push_back(std::move(claim));
    }
    report_.Touch(work.sources, table, work.ledger.identity);

    json next = Copied(table, work.image);
    for (const auto& [column, value] : changes[i].columns) next[table.At(column).name] = value;
    for (const auto& [column, edits] : changes[i].paths) {
      for (const PathEdit& edit : edits) Apply(edit, next[table.At(column).name]);
    }
    next[table.At(from).name] = table.TimeFor(from, begins);
    // What `new` gives belongs to a version: it is computed for each, and not copied.
    for (const mappings::Assignment& fresh : row.fresh) next.erase(fresh.cell.column);
    mappings::Scope scope{work.instances.empty() ? nullptr : &work.instances.back()->frame->scope};
    scope.Set("row", &next);
    if (!work.instances.empty()) {
      for (const CellValue& fresh : work.instances.back()->intent.fresh) PutCell(table, fresh.to->cell, fresh.value, next);
    }
    const mappings::LateValues late = mappings::Late(row, scope);
    json with_late = next;
    for (const CellValue& fresh : late.fresh) PutCell(table, fresh.to->cell, fresh.value, with_late);
    after[i] = table.Insert(transaction_, {with_late}).front();
    table.RefuseTwins(transaction_, {*after[i]});
    work.ledger.identity = table.IdentityOf(*after[i]);
    // What `new` gave belongs to the version that is open.
    for (auto& [column, text] : work.ledger.made) {
      const auto& now = (*after[i])[table.IndexOf(column).value()];
      if (now) text = *now;
    }
  }
  ledger_.Save(said);
  return after;
}

}  // namespace membridge::sync
