#include "admin/mapping_files/kept_cells.hpp"

#include <set>

namespace membridge::admin {

using sync::postgres::Session;
using sync::postgres::Transaction;

KeptTargets::KeptTargets(const Config& config, const Databases& databases, const std::vector<ConfiguredMapping>& configured,
                         const std::map<std::string, mappings::Catalog>& catalogs, OpenTarget open)
    : config_(config), databases_(databases), catalogs_(catalogs), open_(std::move(open)) {
  for (const ConfiguredMapping& each : configured) mappings_.push_back(each.mapping);
}

Result<KeptTargets::Page> KeptTargets::List(const sync::KeptFilter& filter, const std::optional<std::string>& target,
                                            std::size_t limit, const std::optional<std::string>& cursor) const {
  if (target && config_.FindTarget(*target) == nullptr)
    return Fail(ErrorCode::kNotFound, "no target \"" + *target + "\" in the configuration", "membridge targets list names them");
  // The cursor is `warehouse/17`: the target and the position in its own list.
  const std::size_t slash = cursor ? cursor->rfind('/') : std::string::npos;
  if (cursor && (slash == std::string::npos || !catalogs_.contains(cursor->substr(0, slash))))
    return Fail(ErrorCode::kRefused, "the cursor is not one of this list", "give `next` of the page before");
  Page page;
  std::set<std::string> told;  // two targets may be one database, with one ledger
  for (auto at = cursor ? catalogs_.find(cursor->substr(0, slash)) : catalogs_.begin(); at != catalogs_.end(); ++at) {
    const auto& [name, catalog] = *at;
    if (target.value_or(name) != name) continue;
    if (page.cells.size() >= limit) {
      page.next = name + "/0";
      return page;
    }
    Session session = open_(databases_.DsnOf(*config_.FindTarget(name)));
    Transaction transaction = session.Begin();
    const bool goes_on = cursor && cursor->substr(0, slash) == name;
    auto listed = sync::ListKept(transaction, {catalog, mappings_}, filter, limit - page.cells.size(),
                                 goes_on ? std::optional{cursor->substr(slash + 1)} : std::nullopt);
    if (!listed) return tl::unexpected<Error>(listed.error());
    for (sync::Disagreement& cell : listed->cells) {
      if (told.insert(cell.id).second) page.cells.push_back({name, std::move(cell)});
    }
    if (listed->next) {
      page.next = name + "/" + *listed->next;
      return page;
    }
  }
  return page;
}

Result<KeptTargets::Decided> KeptTargets::Decide(Session& state, const std::string& id, sync::KeptChoice choice) const {
  Error last{ErrorCode::kNotFound, "no mapping writes to any table", "list mapping files under `mappings:`"};
  for (const auto& [name, catalog] : catalogs_) {
    Session there = open_(databases_.DsnOf(*config_.FindTarget(name)));
    auto decision = sync::DecideKept(state, there, name, {catalog, mappings_}, id, choice);
    if (decision) return Decided{name, std::move(*decision)};
    last = decision.error();
    if (last.code != ErrorCode::kNotFound) break;
  }
  return tl::unexpected<Error>(last);
}

nlohmann::json AuditedOf(const KeptTargets::Decided& decided) {
  const sync::Disagreement& cell = decided.decision.disagreement;
  return {{"row", cell.id.substr(0, cell.id.find('-'))},
          {"project", cell.project},
          {"memory", cell.memory.empty() ? cell.source : cell.memory},
          {"version", cell.stamp},
          {"mapping", cell.mapping}};
}

std::string ObjectOf(const KeptTargets::Decided& decided) {
  const sync::Disagreement& cell = decided.decision.disagreement;
  return decided.target + "/" + cell.relation + "." + cell.cell;
}

KeptWatch::KeptWatch(const Config& config, const Databases& databases, Metrics& metrics)
    : thread_("kept_watch", [this, &config, &databases](const std::stop_token&) {
        Look(config, databases);
        return std::chrono::milliseconds{kEvery};
      }) {
  metrics.Watch(Metrics::Kind::kGauge, "membridge_kept_cells",
                "Cells where a memory says one thing and a person wrote another, and nobody has decided yet", [this] {
                  const auto cells = Cells();
                  return cells ? std::vector<MetricSample>{{{}, static_cast<double>(*cells)}} : std::vector<MetricSample>{};
                });
}

std::optional<std::int64_t> KeptWatch::Cells() const {
  const std::int64_t cells = cells_;
  return cells < 0 ? std::nullopt : std::optional{cells};
}

void KeptWatch::Look(const Config& config, const Databases& databases) {
  std::int64_t sum = 0;
  std::set<std::string> counted;
  for (const TargetConfig& target : config.targets) {
    const std::string& dsn = databases.DsnOf(target);
    if (!counted.insert(dsn).second) continue;
    try {
      Session session{dsn, "membridge kept"};
      Transaction transaction = session.Begin();
      sum += sync::CountKept(transaction);
    } catch (const sync::postgres::SqlFailure&) {
      cells_ = -1;
      return;
    }
  }
  cells_ = sum;
}

}  // namespace membridge::admin
