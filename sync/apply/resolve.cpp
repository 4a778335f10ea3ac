// From what a source says to the target rows it speaks of: find, lock, create.

#include <fmt/format.h>

#include <algorithm>

#include "mappings/base/exact_json.hpp"
#include "mappings/base/short_name.hpp"
#include "sync/apply/application.hpp"
#include "sync/apply/cells.hpp"

namespace membridge::sync {
namespace {

using mappings::Cell;
using mappings::CellValue;
using nlohmann::json;

/// What the ledger's index of contributions has room for, beside the names of a project, a mapping, a row and a source.
constexpr std::size_t kLongestItem = 1536;

std::string ShownKey(const mappings::Key& key) {
  std::string shown;
  for (const mappings::Assignment& part : key.parts) shown += (shown.empty() ? "(" : ", ") + part.cell.name;
  return shown + ")";
}

}  // namespace

void SetSourceNames(Frame& frame, const Source& source, const json& vars, Instant now) {
  for (const auto& [name, value] : source.names.items()) frame.Set(name, value);
  frame.Set("vars", vars);
  frame.Set("now", FormatRfc3339(now));
}

Application::Asking Application::AskingBy(const mappings::Key& key, const TargetTable& table,
                                          const std::vector<Instance*>& wanted) {
  Asking asking;
  for (const mappings::Assignment& part : key.parts)
    asking.columns.push_back({table.IndexOf(part.cell.column).value(), part.cell.kind == Cell::Kind::kLowered, part.cell.path});
  for (Instance* instance : wanted) {
    if (instance->image) continue;
    for (const auto& found_by : instance->intent.keys) {
      if (found_by.key != &key) continue;
      asking.instances.push_back(instance);
      json& values = asking.values.emplace_back(json::object());
      for (std::size_t part = 0; part < found_by.parts.size(); ++part)
        values[table.NameOf(asking.columns[part])] = found_by.parts[part].value;
    }
  }
  return asking;
}

void Application::BuildFrames() {
  for (const Source& source : sources_) {
    Frame& frame = frames_.emplace_back(nullptr);
    SetSourceNames(frame, source, plan_.mapping->vars, now_);
    source_frames_.push_back(&frame);
  }
}

std::vector<Instance> Application::InstancesOf(std::size_t level) {
  const mappings::Row& row = *plan_.rows[level].row;
  std::vector<Instance> instances;
  const auto add = [&](std::size_t source, Frame* outer, const std::string& outer_item) {
    std::set<std::string> seen;
    for (const json& item : mappings::ItemsOf(row, outer->scope)) {
      Frame* frame = outer;
      std::string name = outer_item;
      if (row.each) {
        frame = &frames_.emplace_back(outer);
        frame->Set("item", item);
        name += (name.empty() ? "" : "/") + mappings::ExactText(item);
        name = mappings::ShortName(name, kLongestItem);
        if (!seen.insert(name).second) continue;
      }
      auto intent = mappings::Intend(row, frame->scope);
      if (!intent) {
        if (report_.Explains())
          report_.Note(source, {Decision::Kind::kSkipped, row.name, row.TableName(), nullptr, "", nullptr, nullptr,
                                "its `when` is false, or a key value is missing", static_cast<int>(row.place.line)});
        continue;
      }
      instances.push_back({source, frame, name, std::move(*intent), std::nullopt, "", false, false});
    }
  };
  if (row.parent) {
    for (const Instance& outer : levels_[*row.parent]) {
      if (outer.image) add(outer.source, outer.frame, outer.item);
    }
    return instances;
  }
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (!entered_[i] || !sources_[i].speaks) continue;
    if (mappings::Speaks(*plan_.mapping, source_frames_[i]->scope)) add(i, source_frames_[i], "");
  }
  return instances;
}

void Application::Resolve(const PlannedRow& planned, std::vector<Instance>& instances) {
  if (planned.row->keys.empty()) {
    ResolveOwn(planned, instances);
    return;
  }
  std::vector<Instance*> wanted;
  for (Instance& instance : instances) wanted.push_back(&instance);
  FindByKeys(planned, wanted);
  std::erase_if(wanted, [](const Instance* instance) { return !instance->intent.holds; });
  if (planned.row->create && !wanted.empty()) Create(planned, wanted);
  WaitForMissing(planned, instances);
}

/// A row without a key is the source's own: the ledger knows where it is.
void Application::ResolveOwn(const PlannedRow& planned, std::vector<Instance>& instances) {
  std::vector<json> identities;
  std::vector<Instance*> known;
  std::vector<Instance*> fresh;
  for (Instance& instance : instances) {
    const auto mine = std::find_if(old_.begin(), old_.end(), [&](const Contribution& contribution) {
      return SourceOf(contribution) == instance.source && contribution.name == planned.row->name &&
             contribution.item == instance.item && contribution.relation == planned.table->Relation();
    });
    if (mine == old_.end()) {
      fresh.push_back(&instance);
    } else {
      known.push_back(&instance);
      identities.push_back(mine->identity);
    }
  }
  const auto images = planned.table->Fetch(TargetTable::Lock::kWrite, transaction_, identities);
  for (std::size_t i = 0; i < known.size(); ++i) {
    // One that a person deleted stays deleted. One that could not be made as things are is no row of this source any more.
    if (images[i] && planned.table->IsLive(*images[i]) && ValuesFor(planned, *known[i])) known[i]->image = images[i];
  }
  std::erase_if(fresh, [](const Instance* instance) { return !instance->intent.holds; });
  if (planned.row->create) InsertRound(planned, fresh);
}

/// Fills in the images of those that are found and leaves the others in `wanted`. Dead rows count as a reason not to create.
void Application::FindByKeys(const PlannedRow& planned, std::vector<Instance*>& wanted) {
  const TargetTable& table = *planned.table;
  for (const mappings::Key& key : planned.row->keys) {
    const Asking asking = AskingBy(key, table, wanted);
    if (asking.instances.empty()) continue;
    const auto lock = planned.speaks || !planned.row->add.empty() ? TargetTable::Lock::kWrite : TargetTable::Lock::kNone;
    const auto found = table.Find(lock, transaction_, asking.columns, asking.values);
    for (std::size_t i = 0; i < asking.instances.size(); ++i) {
      Instance& instance = *asking.instances[i];
      std::vector<const Image*> alive;
      for (const Image& image : found[i]) {
        if (table.IsLive(image) && IsCurrent(planned, image)) alive.push_back(&image);
      }
      if (alive.size() > 1) {
        const auto [one, other] =
            std::minmax({mappings::ExactText(table.IdentityOf(*alive[0])), mappings::ExactText(table.IdentityOf(*alive[1]))});
        throw Refusal(ErrorCode::kRowRejected,
                      fmt::format("more than one row of {} matches the key of row {}: {} and {}", planned.row->TableName(),
                                  planned.row->name, one, other),
                      "merge the rows, or give the key another column that tells them apart");
      }
      if (alive.size() == 1) {
        instance.image = *alive.front();
        instance.found_by = ShownKey(key);
        continue;
      }
      for (const Image& image : found[i]) {
        if (!IsCurrent(planned, image)) continue;
        const auto known = ledger_.Known(table.Relation(), table.IdentityOf(image));
        // Only who could have made it brings it back.
        if (planned.row->create && instance.intent.holds && known && known->created && known->gone) {
          instance.image = image;
          instance.revived = true;
          instance.found_by = ShownKey(key);
          break;
        }
        instance.buried = true;
      }
    }
  }
  std::erase_if(wanted, [](const Instance* instance) { return instance->image || instance->buried; });
}

/// Creates rows for keys that were not found. Others may be creating the same one: the keys are locked first and looked for
/// again, and of several instances that share a key the first one creates and the others find.
void Application::Create(const PlannedRow& planned, std::vector<Instance*> wanted) {
  const TargetTable& table = *planned.table;
  std::map<Instance*, std::vector<std::string>> locks;
  for (const mappings::Key& key : planned.row->keys) {
    const Asking asking = AskingBy(key, table, wanted);
    if (asking.instances.empty()) continue;
    const auto taken = table.NumbersFor(TargetTable::Purpose::kMake, transaction_, asking.columns, asking.values);
    for (std::size_t i = 0; i < taken.size(); ++i) locks[asking.instances[i]].push_back(taken[i]);
  }
  while (true) {
    FindByKeys(planned, wanted);
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
    InsertRound(planned, round);
    std::erase_if(wanted, [&](Instance* instance) {
      return instance->image || std::find(round.begin(), round.end(), instance) != round.end();
    });
    if (wanted.empty() || wanted.size() == before) return;
  }
}

/// The values a new row starts with; nothing when one that it needs is missing.
std::optional<json> Application::ValuesFor(const PlannedRow& planned, Instance& instance) {
  const TargetTable& table = *planned.table;
  json row = json::object();
  const auto put = [&](const std::vector<CellValue>& values) {
    for (const CellValue& value : values) PutCell(table, value.to->cell, MeantFor(table, value.to->cell, value), row);
  };
  for (const auto& found_by : instance.intent.keys) put(found_by.parts);
  put(instance.intent.fresh);
  put(instance.intent.set);
  put(mappings::Touch(*planned.row, instance.frame->scope));
  const bool has_late =
      std::any_of(planned.row->set.begin(), planned.row->set.end(), [](const auto& a) { return a.uses_row; }) ||
      std::any_of(planned.row->fresh.begin(), planned.row->fresh.end(), [](const auto& a) { return a.uses_row; });
  if (has_late) {
    mappings::Scope scope{&instance.frame->scope};
    json as_it_will_be = json::object();
    for (const mappings::Column& column : table.Definition().columns)
      as_it_will_be[column.name] = row.value(column.name, json(nullptr));
    scope.Set("row", &as_it_will_be);
    const mappings::LateValues late = mappings::Late(*planned.row, scope);
    put(late.fresh);
    put(late.set);
  }
  if (planned.row->history && !row.contains(planned.row->history->from))
    row[planned.row->history->from] =
        table.TimeFor(table.IndexOf(planned.row->history->from).value(), sources_[instance.source].stamp);
  // A row is born alive, whatever the column's default: a dead one would be nobody's at the next reading.
  table.PutLiveMark(row);
  for (const mappings::Column& column : table.Definition().columns) {
    if (column.MayBeLeftOut() || row.contains(column.name)) continue;
    instance.lacks = column.name;
    if (report_.Explains()) {
      report_.Note(instance.source,
                   {Decision::Kind::kSkipped, planned.row->name, planned.row->TableName(), nullptr, column.name, nullptr, nullptr,
                    column.name + " has no value and cannot be null", static_cast<int>(planned.row->place.line)});
    }
    return std::nullopt;
  }
  return row;
}

/// A row that a trigger or type gave another key than it was inserted with would never be found again, and be made once more with
/// every reading.
void Application::RefuseAlteredKeys(const PlannedRow& planned, const std::vector<Instance*>& made,
                                    const std::vector<Image>& images) {
  const TargetTable& table = *planned.table;
  for (const mappings::Key& key : planned.row->keys) {
    // Most keys come back as they were given, letter by letter; only of others PostgreSQL is asked whether they are equal.
    std::vector<std::size_t> which;
    Asking asking;
    for (std::size_t i = 0; i < made.size(); ++i) {
      const auto by = std::find_if(made[i]->intent.keys.begin(), made[i]->intent.keys.end(),
                                   [&](const auto& found_by) { return found_by.key == &key; });
      if (by == made[i]->intent.keys.end()) continue;
      const Asking one = AskingBy(key, table, {made[i]});
      const bool is_same = std::equal(one.columns.begin(), one.columns.end(), by->parts.begin(), by->parts.end(),
                                      [&](const auto& part, const CellValue& value) {
                                        const json there = table.ValueOf(part, images[i]);
                                        return there == value.value || (there.is_string() && there == value.value.dump());
                                      });
      if (is_same || one.values.empty()) continue;
      asking.columns = one.columns;
      asking.values.push_back(one.values.front());
      which.push_back(i);
    }
    if (which.empty()) continue;
    const auto found = table.Find(TargetTable::Lock::kNone, transaction_, asking.columns, asking.values);
    for (std::size_t n = 0; n < which.size(); ++n) {
      const json identity = table.IdentityOf(images[which[n]]);
      if (std::any_of(found[n].begin(), found[n].end(), [&](const Image& image) { return table.IdentityOf(image) == identity; }))
        continue;
      throw Refusal(ErrorCode::kRowRejected,
                    "a new row of " + table.Relation() + " does not hold the key " + ShownKey(key) +
                        " it was given: a trigger, a rule or the column's type changed it, and the row would not be found again",
                    "give the key as the table keeps it, as with `| lower` or `| trim`");
    }
  }
}

void Application::InsertRound(const PlannedRow& planned, const std::vector<Instance*>& round) {
  std::vector<Instance*> complete;
  std::vector<json> rows;
  for (Instance* instance : round) {
    if (auto values = ValuesFor(planned, *instance)) {
      complete.push_back(instance);
      rows.push_back(std::move(*values));
    }
  }
  if (rows.empty()) return;
  const std::vector<Image> images = planned.table->Insert(transaction_, rows);
  RefuseAlteredKeys(planned, complete, images);
  planned.table->RefuseTwins(transaction_, images);
  for (std::size_t i = 0; i < complete.size(); ++i) {
    complete[i]->image = images[i];
    complete[i]->created = true;
    waits_.Appeared(*planned.table, images[i], {}, {complete[i]->source});
    report_.Touch({complete[i]->source}, *planned.table, planned.table->IdentityOf(images[i]));
  }
}

}  // namespace membridge::sync
