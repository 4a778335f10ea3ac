#include "sync/apply/row_maker.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "mappings/evaluate.hpp"
#include "sync/apply/cells.hpp"
#include "sync/apply/claims.hpp"
#include "sync/apply/key_search.hpp"
#include "sync/apply/refusal.hpp"
#include "sync/apply/table_reader.hpp"
#include "sync/apply/table_writer.hpp"

namespace membridge::sync {

using mappings::CellValue;
using nlohmann::json;

void RowMaker::MakeByKeys(std::vector<Instance*> wanted) {
  KeySearch search{context_, planned_};
  std::map<Instance*, std::vector<std::string>> locks;
  for (const mappings::Key& key : planned_.row->keys) {
    const KeySearch::Asking asking = KeySearch::AskingBy(key, table_, wanted);
    if (asking.instances.empty()) continue;
    const auto taken =
        TableReader{table_, context_.transaction}.NumbersFor(TableReader::Purpose::kMake, asking.columns, asking.values);
    for (std::size_t i = 0; i < taken.size(); ++i) locks[asking.instances[i]].push_back(taken[i]);
  }
  while (true) {
    search.Find(wanted);
    if (wanted.empty()) return;
    std::set<std::string> taken;
    std::vector<Instance*> round;
    for (Instance* instance : wanted) {
      const auto& mine = locks[instance];
      if (std::any_of(mine.begin(), mine.end(), [&](const std::string& lock) { return taken.contains(lock); })) continue;
      taken.insert(mine.begin(), mine.end());
      round.push_back(instance);
    }
    const std::size_t before = wanted.size();
    Make(round);
    std::erase_if(wanted, [&](Instance* instance) {
      return instance->image || std::find(round.begin(), round.end(), instance) != round.end();
    });
    if (wanted.empty() || wanted.size() == before) return;
  }
}

/// Values that depend on the finished row.
void RowMaker::PutLateValues(const Instance& instance, json& row) const {
  const bool has_late =
      std::any_of(planned_.row->set.begin(), planned_.row->set.end(), [](const auto& a) { return a.uses_row; }) ||
      std::any_of(planned_.row->fresh.begin(), planned_.row->fresh.end(), [](const auto& a) { return a.uses_row; });
  if (!has_late) return;
  mappings::Scope scope{&instance.frame->scope};
  json as_it_will_be = json::object();
  for (const mappings::Column& column : table_.Definition().columns)
    as_it_will_be[column.name] = row.value(column.name, json(nullptr));
  scope.Set("row", &as_it_will_be);
  const mappings::LateValues late = mappings::Late(*planned_.row, scope);
  for (const CellValue& value : late.fresh) PutCell(table_, value.to->cell, MeantFor(table_, value.to->cell, value), row);
  for (const CellValue& value : late.set) PutCell(table_, value.to->cell, MeantFor(table_, value.to->cell, value), row);
}

std::optional<json> RowMaker::ValuesFor(Instance& instance) {
  json row = json::object();
  const auto put = [&](const std::vector<CellValue>& values) {
    for (const CellValue& value : values) PutCell(table_, value.to->cell, MeantFor(table_, value.to->cell, value), row);
  };
  for (const auto& found_by : instance.intent.keys) put(found_by.parts);
  put(instance.intent.fresh);
  put(instance.intent.set);
  put(mappings::Touch(*planned_.row, instance.frame->scope));
  PutLateValues(instance, row);
  if (planned_.row->history && !row.contains(planned_.row->history->from))
    row[planned_.row->history->from] =
        table_.TimeFor(table_.IndexOf(planned_.row->history->from).value(), context_.sources[instance.source].stamp);
  // A new row is always alive, even if the column's default says otherwise. The next reading would not find a dead one.
  table_.PutLiveMark(row);
  for (const mappings::Column& column : table_.Definition().columns) {
    if (column.MayBeLeftOut() || row.contains(column.name)) continue;
    instance.lacks = column.name;
    if (context_.report.Explains()) {
      context_.report.Note(instance.source, {Decision::Kind::kSkipped, planned_.row->name, planned_.row->TableName(), nullptr,
                                             column.name, nullptr, nullptr, column.name + " has no value and cannot be null",
                                             static_cast<int>(planned_.row->place.line)});
    }
    return std::nullopt;
  }
  return row;
}

/// Refuses rows whose key a trigger or type altered: they would never be found again, and be made anew with every reading.
void RowMaker::RefuseAlteredKeys(const std::vector<Instance*>& made, const std::vector<Image>& images) {
  for (const mappings::Key& key : planned_.row->keys) {
    // Most keys come back exactly as given. PostgreSQL is asked only about the others, whether they are equal.
    std::vector<std::size_t> which;
    KeySearch::Asking asking;
    for (std::size_t i = 0; i < made.size(); ++i) {
      const auto by = std::find_if(made[i]->intent.keys.begin(), made[i]->intent.keys.end(),
                                   [&](const auto& found_by) { return found_by.key == &key; });
      if (by == made[i]->intent.keys.end()) continue;
      const KeySearch::Asking one = KeySearch::AskingBy(key, table_, {made[i]});
      const bool is_same = std::equal(one.columns.begin(), one.columns.end(), by->parts.begin(), by->parts.end(),
                                      [&](const auto& part, const CellValue& value) {
                                        const json there = table_.ValueOf(part, images[i]);
                                        return there == value.value || (there.is_string() && there == value.value.dump());
                                      });
      if (is_same || one.values.empty()) continue;
      asking.columns = one.columns;
      asking.values.push_back(one.values.front());
      which.push_back(i);
    }
    if (which.empty()) continue;
    const auto found = TableReader{table_, context_.transaction}.Find(TableReader::Lock::kNone, asking.columns, asking.values);
    for (std::size_t n = 0; n < which.size(); ++n) {
      const json identity = table_.IdentityOf(images[which[n]]);
      if (std::any_of(found[n].begin(), found[n].end(), [&](const Image& image) { return table_.IdentityOf(image) == identity; }))
        continue;
      throw Refusal(ErrorCode::kRowRejected,
                    "a new row of " + table_.Relation() + " does not hold the key " + KeySearch::Shown(key) +
                        " it was given: a trigger, a rule or the column's type changed it, and the row would not be found again",
                    "give the key as the table keeps it, as with `| lower` or `| trim`");
    }
  }
}

void RowMaker::Make(const std::vector<Instance*>& wanted) {
  std::vector<Instance*> complete;
  std::vector<json> rows;
  for (Instance* instance : wanted) {
    if (auto values = ValuesFor(*instance)) {
      complete.push_back(instance);
      rows.push_back(std::move(*values));
    }
  }
  if (rows.empty()) return;
  const std::vector<Image> images = TableWriter{table_, context_.transaction}.Insert(rows);
  RefuseAlteredKeys(complete, images);
  TableWriter{table_, context_.transaction}.RefuseTwins(images);
  for (std::size_t i = 0; i < complete.size(); ++i) {
    complete[i]->image = images[i];
    complete[i]->created = true;
    context_.waits.Appeared(table_, images[i], {}, {complete[i]->source});
    context_.report.Touch({complete[i]->source}, table_, table_.IdentityOf(images[i]));
    context_.told.Inserted(table_, images[i], {complete[i]->source});
  }
}

}  // namespace membridge::sync
