#include "sync/apply/application.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace membridge::sync {

using mappings::Cell;
using mappings::CellValue;
using nlohmann::json;

namespace {

/// The ledger's name for the fact that the bridge made the object at a path of a json column: `{attrs}`, `{attrs.plan}`.
std::string ContainerName(const std::string& column, const std::vector<std::string>& path, std::size_t length) {
  std::string name = "{" + column;
  for (std::size_t i = 0; i < length; ++i) name += "." + path[i];
  return name + "}";
}

const json* Step(const json* at, const std::string& step) {
  if (at == nullptr || !at->is_object()) return nullptr;
  const auto found = at->find(step);
  return found == at->end() ? nullptr : &*found;
}

/// Where edits inside json columns need objects that are not there, the ledger remembers that the bridge made them; where an edit
/// leaves such an object empty, it goes too, so that a withdrawn claim leaves exactly what was there before.
void KeepContainers(const TargetTable& table, const Image& before, RowChange& change, LedgerRow& ledger) {
  for (auto& [column, edits] : change.paths) {
    const std::string& name = table.At(column).name;
    const auto& text = before[column];
    json document = text ? json::parse(*text, nullptr, false) : json(nullptr);
    std::vector<std::vector<std::string>> emptied;
    for (const PathEdit& edit : edits) {
      for (std::size_t length = 0; length < edit.path.size(); ++length) {
        const json* at = &document;
        for (std::size_t i = 0; i < length; ++i) at = Step(at, edit.path[i]);
        if (edit.value && (at == nullptr || !at->is_object())) {
          ledger.cells.try_emplace(ContainerName(name, edit.path, length), CellEntry{at == nullptr ? Content{} : Content{*at}, json::object(), {}});
        }
      }
      if (edit.value) {
        json* at = &document;
        for (const std::string& step : edit.path) {
          if (!at->is_object()) *at = json::object();
          at = &(*at)[step];
        }
        *at = *edit.value;
      } else {
        json* at = &document;
        for (std::size_t i = 0; i + 1 < edit.path.size() && at != nullptr; ++i) at = at->is_object() && at->contains(edit.path[i]) ? &(*at)[edit.path[i]] : nullptr;
        if (at != nullptr && at->is_object()) at->erase(edit.path.back());
        emptied.push_back(edit.path);
      }
    }
    for (const auto& path : emptied) {
      for (std::size_t length = path.size(); length-- > 0;) {
        const json* at = &document;
        for (std::size_t i = 0; i < length; ++i) at = Step(at, path[i]);
        const auto entry = ledger.cells.find(ContainerName(name, path, length));
        if (at == nullptr || !at->is_object() || !at->empty() || entry == ledger.cells.end()) break;
        if (length == 0) {
          if (!table.At(column).not_null && (!entry->second.before || entry->second.before->is_null())) {
            edits.clear();
            change.columns.emplace_back(column, nullptr);
          }
        } else {
          const std::vector<std::string> container(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(length));
          edits.push_back({container, entry->second.before});
          json* parent = &document;
          for (std::size_t i = 0; i + 1 < length; ++i) parent = &(*parent)[path[i]];
          if (entry->second.before)
            (*parent)[path[length - 1]] = *entry->second.before;
          else
            parent->erase(path[length - 1]);
        }
        ledger.cells.erase(entry);
      }
    }
  }
  std::erase_if(change.paths, [](const auto& edits) { return edits.second.empty(); });
  std::sort(change.columns.begin(), change.columns.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
}

json AsShown(const Content& content) { return content.value_or(nullptr); }

const mappings::Assignment* AssignmentOf(const mappings::Row* row, const std::string& cell) {
  if (row == nullptr) return nullptr;
  for (const auto& assignment : row->set) {
    if (assignment.cell.name == cell) return &assignment;
  }
  return nullptr;
}

/// The union of what everybody claims of an array's elements, in the order of their age, so that it does not depend on who came first.
json ElementsOf(std::vector<const Contribution*> claimants, const std::string& cell) {
  std::sort(claimants.begin(), claimants.end(), [](const auto* a, const auto* b) { return b->IsNewerThan(*a); });
  json elements = json::array();
  for (const Contribution* claimant : claimants) {
    const auto claimed = claimant->cells.find(cell);
    if (claimed == claimant->cells.end() || !claimed->second.value || !claimed->second.value->is_array()) continue;
    for (const json& element : *claimed->second.value) {
      if (std::find(elements.begin(), elements.end(), element) == elements.end()) elements.push_back(element);
    }
  }
  return elements;
}

}  // namespace

Application::Application(const MappingPlan& plan, postgres::Transaction& transaction, const std::vector<Source>& sources, Instant now, bool explain)
    : plan_(plan), transaction_(transaction), sources_(sources), now_(now), explain_(explain), ledger_(transaction), outcomes_(sources.size()) {}

void Application::Note(std::size_t source, Decision decision) { outcomes_[source].decisions.push_back(std::move(decision)); }

void Application::Touch(const std::set<std::size_t>& sources, const TargetTable& table, const json& identity, json deleted) {
  for (const std::size_t source : sources) {
    outcomes_[source].wrote = true;
    if (explain_) outcomes_[source].touched.push_back({table.Relation(), identity, deleted});
  }
}

void Application::EnterSettings() {
  for (const auto& [name, value] : plan_.settings) {
    const postgres::Rows before = transaction_.Run("SELECT current_setting($1, true), set_config($1, $2, true)", {name, value});
    previous_settings_.emplace_back(name, std::string{before.Text(0, 0)});
  }
}

void Application::LeaveSettings() {
  for (const auto& [name, value] : previous_settings_) transaction_.Run("SELECT set_config($1, $2, true)", {name, value});
}

std::vector<Outcome> Application::Run() {
  EnterSettings();
  const bool counts_once = plan_.mapping->from == mappings::Mapping::From::kEvent;
  entered_ = counts_once ? ledger_.EnterOnce(plan_.mapping->name, sources_) : ledger_.Enter(plan_.mapping->name, sources_);
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (!entered_[i]) outcomes_[i].kind = Outcome::Kind::kLate;
  }
  old_ = ledger_.ContributionsOf(plan_.mapping->name, sources_);
  std::erase_if(old_, [&](const Contribution& contribution) {
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i].id == contribution.source && sources_[i].project.Text() == contribution.project) return !entered_[i];
    }
    return true;
  });
  BuildFrames();
  levels_.resize(plan_.rows.size());
  for (std::size_t level = 0; level < plan_.rows.size(); ++level) {
    at_ = plan_.rows[level].row;
    levels_[level] = InstancesOf(level);
    Resolve(plan_.rows[level], levels_[level]);
    SettleLevel(level, levels_[level]);
  }
  SettleOrphans();
  DeleteDoomed();
  LeaveSettings();
  return std::move(outcomes_);
}

/// Reads claimed values by their columns' types and puts them into the contributions.
void Application::AddClaims(const PlannedRow& planned, std::vector<std::pair<Contribution*, const CellValue*>> claims) {
  const TargetTable& table = *planned.table;
  std::vector<std::pair<std::size_t, json>> values;
  // Where each value goes: contribution, cell, and the position in a group or nothing.
  struct Slot {
    Contribution* contribution;
    const CellValue* claim;
    std::optional<std::size_t> member;
  };
  std::vector<Slot> slots;
  const auto add = [&](Contribution* contribution, const CellValue* claim, const Cell& cell, const json& value, std::optional<std::size_t> member) {
    Claimed& claimed = contribution->cells[claim->to->cell.name];
    claimed.force = claim->to->force;
    if (!cell.path.empty() || (cell.kind == Cell::Kind::kElements && table.At(table.IndexOf(cell.column).value()).IsJson())) {
      if (member)
        (*claimed.value)[*member] = json::array({value});
      else
        claimed.value = value;
      return;
    }
    const std::size_t column = table.IndexOf(cell.column).value();
    json typed = value;
    if (cell.kind == Cell::Kind::kColumn && table.At(column).IsJson()) {
      if (const auto* constant = std::get_if<mappings::Constant>(&claim->to->value)) typed = constant->typed;
    }
    values.emplace_back(column, std::move(typed));
    slots.push_back({contribution, claim, member});
  };
  for (const auto& [contribution, claim] : claims) {
    const Cell& cell = claim->to->cell;
    if (cell.kind != Cell::Kind::kGroup) {
      add(contribution, claim, cell, claim->value, std::nullopt);
      continue;
    }
    contribution->cells[cell.name].value = json::array();
    for (std::size_t i = 0; i < cell.members.size(); ++i) contribution->cells[cell.name].value->push_back(json::array());
    for (std::size_t i = 0; i < cell.members.size(); ++i) add(contribution, claim, cell.members[i], claim->value.at(i), i);
  }
  const std::vector<Content> normal = table.Normalise(transaction_, values);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Content& value = slots[i].contribution->cells[slots[i].claim->to->cell.name].value;
    if (slots[i].member) {
      (*value)[*slots[i].member] = json::array({normal[i].value_or(nullptr)});
    } else if (slots[i].claim->to->cell.kind == Cell::Kind::kElements) {
      value = normal[i] && normal[i]->is_string() ? json::parse(normal[i]->get<std::string>(), nullptr, false) : json::array();
    } else {
      value = normal[i];
    }
  }
}

void Application::SettleLevel(std::size_t level, std::vector<Instance>& instances) {
  const PlannedRow& planned = plan_.rows[level];
  const TargetTable& table = *planned.table;
  std::map<json, Work> by_identity;
  for (Instance& instance : instances) {
    if (!instance.image) continue;
    Work& work = by_identity[table.IdentityOf(*instance.image)];
    if (work.instances.empty() || instance.created) work.image = *instance.image;
    work.instances.push_back(&instance);
    work.created = work.created || instance.created;
    work.revived = work.revived || instance.revived;
    work.sources.insert(instance.source);
  }
  std::vector<json> only_withdrawn;
  for (std::size_t i = 0; i < old_.size(); ++i) {
    const Contribution& contribution = old_[i];
    if (contribution.name != planned.row->name || contribution.relation != table.Relation()) continue;
    handled_.insert(i);
    if (!by_identity.contains(contribution.identity)) only_withdrawn.push_back(contribution.identity);
    Work& work = by_identity[contribution.identity];
    work.withdrawn.push_back(&contribution);
    for (std::size_t s = 0; s < sources_.size(); ++s) {
      if (sources_[s].id == contribution.source && sources_[s].project.Text() == contribution.project) work.sources.insert(s);
    }
  }
  const auto fetched = table.Fetch(transaction_, only_withdrawn);
  for (std::size_t i = 0; i < only_withdrawn.size(); ++i) {
    if (fetched[i]) by_identity[only_withdrawn[i]].image = *fetched[i];
  }
  if (!planned.speaks && std::all_of(by_identity.begin(), by_identity.end(), [](const auto& one) { return one.second.withdrawn.empty(); })) {
    // A mere lookup: nothing to write, nothing to remember.
    by_identity.clear();
  }

  std::vector<json> identities;
  for (const auto& [identity, work] : by_identity) identities.push_back(identity);
  std::vector<LedgerRow> ledger_rows = ledger_.RowsOf(table.Relation(), identities);
  std::vector<Work> works;
  std::size_t next = 0;
  for (auto& [identity, work] : by_identity) {
    work.ledger = std::move(ledger_rows[next++]);
    works.push_back(std::move(work));
  }

  std::vector<std::pair<Contribution*, const CellValue*>> claims;
  for (Work& work : works) {
    work.given.reserve(work.instances.size());
    for (Instance* instance : work.instances) {
      const Source& source = sources_[instance->source];
      Contribution& given = work.given.emplace_back();
      given.row_id = work.ledger.id;
      given.project = source.project.Text();
      given.mapping = plan_.mapping->name;
      given.source = source.id;
      given.name = planned.row->name;
      given.item = instance->item;
      given.stamp = source.stamp;
      given.goes = planned.row->gone_deletes;
      for (const CellValue& claim : instance->intent.set) claims.emplace_back(&given, &claim);
    }
  }
  AddClaims(planned, std::move(claims));
  SettleWorks(planned, works);
  SettleLate(planned, works);

  if (!planned.row->add.empty()) AddCounters(planned, works);

  for (Work& work : works) {
    for (Instance* instance : work.instances) {
      if (work.image.empty()) continue;
      instance->image = work.image;
    }
  }
  if (planned.row->referenced) {
    for (Instance& instance : instances) {
      if (!instance.image) continue;
      json row = table.AsJson(*instance.image);
      if (!row.contains("created")) row["created"] = instance.created;
      instance.frame->Set(planned.row->name, std::move(row));
    }
  }
}

/// What the sources said under names or tables that the mapping no longer has: withdrawn like everything else.
void Application::SettleOrphans() {
  std::map<std::string, std::vector<const Contribution*>> by_relation;
  for (std::size_t i = 0; i < old_.size(); ++i) {
    if (!handled_.contains(i)) by_relation[old_[i].relation].push_back(&old_[i]);
  }
  for (const auto& [relation, contributions] : by_relation) {
    const auto dot = relation.find('.');
    const mappings::Table* definition = plan_.catalog->Find(relation.substr(0, dot), relation.substr(dot + 1));
    if (definition == nullptr || definition->Identity().empty()) {
      std::vector<Contribution> gone;
      for (const Contribution* contribution : contributions) gone.push_back(*contribution);
      ledger_.Remove(gone);
      continue;
    }
    PlannedRow& planned = orphan_tables_.emplace_back();
    planned.table = std::make_unique<TargetTable>(*definition, std::nullopt, plan_.role);
    std::map<json, Work> by_identity;
    for (const Contribution* contribution : contributions) {
      Work& work = by_identity[contribution->identity];
      work.withdrawn.push_back(contribution);
      for (std::size_t s = 0; s < sources_.size(); ++s) {
        if (sources_[s].id == contribution->source && sources_[s].project.Text() == contribution->project) work.sources.insert(s);
      }
    }
    std::vector<json> identities;
    for (const auto& [identity, work] : by_identity) identities.push_back(identity);
    const auto images = planned.table->Fetch(transaction_, identities);
    std::vector<LedgerRow> rows = ledger_.RowsOf(relation, identities);
    std::vector<Work> works;
    std::size_t next = 0;
    for (auto& [identity, work] : by_identity) {
      if (images[next]) work.image = *images[next];
      work.ledger = std::move(rows[next++]);
      works.push_back(std::move(work));
    }
    SettleWorks(planned, works);
  }
}

/// Cells that depend on the row as it will be: computed once the others are settled.
void Application::SettleLate(const PlannedRow& planned, std::vector<Work>& works) {
  std::set<std::string> names;
  for (const auto& assignment : planned.row->set) {
    if (assignment.uses_row) names.insert(assignment.cell.name);
  }
  if (names.empty()) return;
  before_late_.clear();
  std::list<mappings::LateValues> held;
  std::vector<std::pair<Contribution*, const CellValue*>> claims;
  for (Work& work : works) {
    if (work.image.empty()) continue;
    work.others.clear();
    before_late_.insert(before_late_.end(), work.given.begin(), work.given.end());
    for (std::size_t i = 0; i < work.instances.size(); ++i) {
      const json row = planned.table->AsJson(work.image);
      mappings::Scope scope{&work.instances[i]->frame->scope};
      scope.Set("row", &row);
      for (const CellValue& claim : held.emplace_back(mappings::Late(*planned.row, scope)).set) claims.emplace_back(&work.given[i], &claim);
    }
  }
  AddClaims(planned, std::move(claims));
  for (Work& work : works) {
    // What was saved a moment ago counts as withdrawn, so that it is replaced and not taken for somebody else's.
    for (const Contribution& given : before_late_) {
      if (given.row_id == work.ledger.id) work.withdrawn.push_back(&given);
    }
  }
  SettleWorks(planned, works, &names);
}

void Application::SettleWorks(const PlannedRow& planned, std::vector<Work>& works, const std::set<std::string>* only) {
  const TargetTable& table = *planned.table;
  const mappings::Row* row = planned.row;
  std::vector<std::int64_t> row_ids;
  for (const Work& work : works) row_ids.push_back(work.ledger.id);
  std::map<std::int64_t, Work*> by_id;
  for (Work& work : works) by_id[work.ledger.id] = &work;
  for (Contribution& contribution : ledger_.ContributionsTo(row_ids)) {
    Work& work = *by_id[contribution.row_id];
    const bool ours = std::any_of(work.withdrawn.begin(), work.withdrawn.end(), [&](const Contribution* one) { return one->Who() == contribution.Who(); });
    if (!ours) work.others.push_back(std::move(contribution));
  }

  std::vector<Contribution> removed;
  std::vector<Contribution> saved;
  std::vector<RowChange> changes;
  std::vector<Work*> changed;
  std::vector<std::vector<std::pair<Cell, std::optional<CellEntry>>>> written(works.size());
  std::vector<std::int64_t> forgotten;
  std::set<const Work*> dirty;  // ledger rows to save

  for (Work& work : works) {
    for (const Contribution* old : work.withdrawn) {
      const bool again = std::any_of(work.given.begin(), work.given.end(), [&](const Contribution& one) { return one.Who() == old->Who(); });
      if (!again) removed.push_back(*old);
    }
    for (const Contribution& given : work.given) saved.push_back(given);
    if (work.image.empty()) {
      // The row is not there any more: a person or a cascade deleted it.
      if (work.others.empty()) forgotten.push_back(work.ledger.id);
      continue;
    }
    const bool goes = work.given.empty() && work.others.empty() && work.ledger.created && !work.ledger.gone &&
                      std::any_of(work.withdrawn.begin(), work.withdrawn.end(), [](const auto* one) { return one->goes; });
    if (goes) {
      doomed_.push_back({&table, work.ledger, row != nullptr && row->now_column ? *row->now_column : "", work.sources, table.AsJson(work.image)});
      for (const std::size_t source : work.sources) {
        if (explain_) Note(source, {Decision::Kind::kDeleted, row != nullptr ? row->name : "", table.Relation(), work.ledger.identity, "", nullptr, nullptr, "nothing says it any more", row != nullptr ? static_cast<int>(row->place.line) : 0});
      }
      continue;
    }

    std::set<std::string> names;
    for (const Contribution* old : work.withdrawn) {
      for (const auto& [name, claimed] : old->cells) names.insert(name);
    }
    for (const Contribution& given : work.given) {
      for (const auto& [name, claimed] : given.cells) names.insert(name);
    }
    if (only != nullptr) std::erase_if(names, [&](const std::string& name) { return !only->contains(name); });
    if (work.created) work.ledger.created = true;

    // Whether a person moved the touch column since our last write.
    if (row != nullptr && row->now_column && !work.created) {
      const auto& touched = work.image[table.IndexOf(*row->now_column).value()];
      if (touched && work.ledger.ours != touched) work.ledger.theirs = ParseRfc3339(*touched);
    }

    RowChange change;
    change.identity = work.ledger.identity;
    if (work.revived) {
      work.ledger.gone = false;
      change.columns.emplace_back(table.LiveColumn(), table.LiveMark());
    }
    for (const std::string& name : names) {
      const mappings::Assignment* assignment = AssignmentOf(row, name);
      const auto cell = assignment != nullptr ? std::optional{assignment->cell} : CellNamed(table, name);
      if (!cell) continue;
      std::vector<const Contribution*> claimants;
      for (const Contribution& given : work.given) {
        if (given.cells.contains(name)) claimants.push_back(&given);
      }
      for (const Contribution& other : work.others) {
        if (other.cells.contains(name)) claimants.push_back(&other);
      }
      const auto found = work.ledger.cells.find(name);
      std::optional<CellEntry> entry = found == work.ledger.cells.end() ? std::nullopt : std::optional{found->second};
      CellFacts facts;
      facts.current = ReadCell(table, work.image, *cell);
      facts.fallback = DefaultOf(table, *cell);
      facts.is_key = std::any_of(planned.key_columns.begin(), planned.key_columns.end(), [&](const auto& column) { return Covers(*cell, column); });
      facts.not_null = IsNotNull(table, *cell);
      facts.theirs = work.ledger.theirs;
      const Contribution* newest = nullptr;
      for (const Contribution* claimant : claimants) {
        if (newest == nullptr || claimant->IsNewerThan(*newest)) newest = claimant;
      }
      if (work.created && !entry) {
        // The INSERT wrote what its own source said; from here on the cell is like any other of ours.
        const auto creator = std::find_if(work.instances.begin(), work.instances.end(), [](const Instance* one) { return one->created; });
        for (const Contribution& given : work.given) {
          if (given.source != sources_[(*creator)->source].id || given.item != (*creator)->item || !given.cells.contains(name)) continue;
          entry = CellEntry{facts.fallback, facts.current, given.cells.at(name).value};
          if (cell->kind == Cell::Kind::kElements) entry->written = given.cells.at(name).value.value_or(json::array());
        }
      }
      Settled settled;
      if (cell->kind == Cell::Kind::kElements) {
        settled = SettleElements(facts, entry, ElementsOf(claimants, name));
      } else {
        std::optional<Winner> winner;
        if (newest != nullptr) winner = Winner{newest->cells.at(name).value, newest->stamp, newest->cells.at(name).force};
        settled = SettleCell(facts, entry, winner);
      }
      const bool writes = settled.kind == Settled::Kind::kWrite || settled.kind == Settled::Kind::kRestore;
      if (writes && !IsReachable(table, work.image, *cell)) {
        settled.kind = Settled::Kind::kKeep;
        settled.note = "something that is no object stands on its path";
        settled.entry = entry;
      } else if (writes) {
        WriteCell(table, *cell, settled.value, change);
        written[static_cast<std::size_t>(&work - works.data())].emplace_back(*cell, settled.entry);
      }
      if (settled.entry)
        work.ledger.cells[name] = *settled.entry;
      else
        work.ledger.cells.erase(name);
      if (explain_) {
        static constexpr Decision::Kind kKinds[] = {Decision::Kind::kUnchanged, Decision::Kind::kWritten, Decision::Kind::kRestored, Decision::Kind::kKept};
        for (const std::size_t source : work.sources) {
          const bool kept = settled.kind == Settled::Kind::kKeep;
          Note(source, {kKinds[static_cast<int>(settled.kind)], row != nullptr ? row->name : "", table.Relation(), work.ledger.identity, name, AsShown(facts.current),
                        kept ? AsShown(newest != nullptr ? newest->cells.at(name).value : Content{}) : AsShown(writes ? settled.value : facts.current), settled.note,
                        assignment != nullptr ? static_cast<int>(assignment->cell_place.line) : 0});
        }
      }
    }
    // What a row is found by is filled in where it is empty, and stays.
    for (const Instance* instance : work.instances) {
      if (instance->created) continue;
      for (const auto& found_by : instance->intent.keys) {
        for (const CellValue& part : found_by.parts) {
          const std::size_t column = table.IndexOf(part.to->cell.column).value();
          const bool taken = std::any_of(change.columns.begin(), change.columns.end(), [&](const auto& one) { return one.first == column; });
          if (!work.image[column] && !part.value.is_null() && !taken) WriteCell(table, part.to->cell, part.value, change);
        }
      }
    }
    KeepContainers(table, work.image, change, work.ledger);
    if (work.created) {
      // Objects the INSERT made for paths inside json.
      RowChange inserted;
      Image blank(work.image.size());
      for (std::size_t c = 0; c < blank.size(); ++c) blank[c] = table.At(c).default_value;
      for (const Instance* instance : work.instances) {
        if (!instance->created) continue;
        for (const CellValue& value : instance->intent.set) {
          if (value.to->cell.kind == Cell::Kind::kPath) WriteCell(table, value.to->cell, value.value, inserted);
        }
      }
      KeepContainers(table, blank, inserted, work.ledger);
      if (row != nullptr && row->now_column) work.ledger.ours = work.image[table.IndexOf(*row->now_column).value()];
    }
    if (!change.columns.empty() || !change.paths.empty()) {
      if (row != nullptr && !work.created) {
        const Frame* frame = work.instances.empty() ? source_frames_[*work.sources.begin()] : work.instances.back()->frame;
        for (const CellValue& touch : mappings::Touch(*row, frame->scope)) {
          const bool taken = std::any_of(change.columns.begin(), change.columns.end(), [&](const auto& one) { return one.first == table.IndexOf(touch.to->cell.column); });
          if (!taken) WriteCell(table, touch.to->cell, touch.value, change);
        }
      }
      changes.push_back(std::move(change));
      changed.push_back(&work);
    }
    dirty.insert(&work);
  }

  std::vector<const Image*> images;
  for (const Work* work : changed) images.push_back(&work->image);
  std::vector<std::optional<Image>> after;
  if (!changes.empty()) after = row != nullptr && row->history ? OpenVersions(planned, changed, changes) : table.Update(transaction_, changes, images);
  for (std::size_t i = 0; i < changed.size(); ++i) {
    Work& work = *changed[i];
    if (!after[i]) {
      throw Refusal(ErrorCode::kRowRejected, "an UPDATE of " + table.Relation() + " changed no row: a trigger or row security swallowed it",
                    "look at the table's triggers and policies, or set `session: {role: …}` in the mapping");
    }
    work.image = *after[i];
    Touch(work.sources, table, work.ledger.identity);
    for (auto& [cell, entry] : written[static_cast<std::size_t>(&work - works.data())]) {
      if (!entry) continue;
      if (cell.kind != Cell::Kind::kElements) work.ledger.cells[cell.name].written = ReadCell(table, work.image, cell);
    }
    if (row != nullptr && row->now_column) work.ledger.ours = work.image[table.IndexOf(*row->now_column).value()];
  }

  if (explain_ && only == nullptr) {
    for (const Work& work : works) {
      for (const Instance* instance : work.instances) {
        const bool made = instance->created;
        Note(instance->source, {made ? Decision::Kind::kCreated : Decision::Kind::kFound, row->name, table.Relation(), work.ledger.identity, "", nullptr,
                                made ? table.AsJson(work.image) : json(nullptr), made ? "new row" : "found by " + instance->found_by, static_cast<int>(row->place.line)});
      }
    }
  }

  ledger_.Remove(removed);
  if (planned.speaks) ledger_.Save(saved);
  std::vector<const LedgerRow*> rows;
  for (const Work* work : dirty) rows.push_back(&work->ledger);
  ledger_.Save(rows);
  ledger_.Forget(forgotten);
}

/// Counters are moved, not set: only events have them, and an event is entered once.
void Application::AddCounters(const PlannedRow& planned, std::vector<Work>& works) {
  std::vector<TargetTable::Increment> increments;
  for (Work& work : works) {
    TargetTable::Increment increment;
    increment.identity = work.ledger.identity;
    for (const Instance* instance : work.instances) {
      for (const CellValue& value : mappings::Add(*planned.row, instance->frame->scope)) {
        json& sum = increment.columns.try_emplace(planned.table->IndexOf(value.to->cell.column).value(), 0).first->second;
        if (sum.is_number_integer() && value.value.is_number_integer())
          sum = sum.get<std::int64_t>() + value.value.get<std::int64_t>();
        else if (value.value.is_number())
          sum = sum.get<double>() + value.value.get<double>();
      }
    }
    if (!increment.columns.empty()) increments.push_back(std::move(increment));
  }
  planned.table->Add(transaction_, increments);
  for (const Work& work : works) Touch(work.sources, *planned.table, work.ledger.identity);
}

/// Rows that nothing says any more go last, and in reverse order, so that what refers to them is gone before.
void Application::DeleteDoomed() {
  for (auto doomed = doomed_.rbegin(); doomed != doomed_.rend();) {
    const TargetTable* table = doomed->table;
    std::vector<Doomed*> group;
    for (; doomed != doomed_.rend() && doomed->table == table; ++doomed) group.push_back(&*doomed);
    std::vector<json> identities;
    for (const Doomed* one : group) identities.push_back(one->row.identity);
    if (!table->HasLiveColumn()) {
      table->Delete(transaction_, identities);
      for (const Doomed* one : group) Touch(one->sources, *table, one->row.identity, one->was);
      std::vector<std::int64_t> ids;
      for (const Doomed* one : group) ids.push_back(one->row.id);
      ledger_.Forget(ids);
      continue;
    }
    const auto images = table->Fetch(transaction_, identities);
    std::vector<RowChange> changes;
    std::vector<const Image*> before;
    std::vector<const LedgerRow*> rows;
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (!images[i] || !table->IsLive(*images[i])) continue;
      RowChange change;
      change.identity = identities[i];
      change.columns.emplace_back(table->LiveColumn(), table->DeadMark(FormatRfc3339(now_)));
      if (!group[i]->now_column.empty() && *table->IndexOf(group[i]->now_column) != table->LiveColumn())
        change.columns.emplace_back(*table->IndexOf(group[i]->now_column), FormatRfc3339(now_));
      std::sort(change.columns.begin(), change.columns.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
      changes.push_back(std::move(change));
      before.push_back(&*images[i]);
      group[i]->row.gone = true;
      rows.push_back(&group[i]->row);
    }
    const auto after = table->Update(transaction_, changes, before);
    for (std::size_t i = 0, n = 0; i < group.size(); ++i) {
      if (!group[i]->row.gone) continue;
      Touch(group[i]->sources, *table, group[i]->row.identity);
      if (after[n] && !group[i]->now_column.empty()) group[i]->row.ours = (*after[n])[*table->IndexOf(group[i]->now_column)];
      ++n;
    }
    ledger_.Save(rows);
  }
}

}  // namespace membridge::sync
