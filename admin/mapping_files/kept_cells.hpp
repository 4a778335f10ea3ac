#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/mapping_files/configured_mappings.hpp"
#include "admin/runtime/databases.hpp"
#include "admin/runtime/metrics.hpp"
#include "admin/runtime/periodic.hpp"
#include "sync/explain/kept.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// Opens a session on a target.
using OpenTarget = std::function<sync::postgres::Session(const std::string& dsn)>;

/// Lists and decides cells where a memory and a person disagree, in all targets that mappings write to. Everything referred to
/// outlives it. Functions throw postgres::SqlFailure. Threads: one.
class KeptTargets {
 public:
  KeptTargets(const Config& config, const Databases& databases, const std::vector<ConfiguredMapping>& configured,
              const std::map<std::string, mappings::Catalog>& catalogs, OpenTarget open);

  struct Listed {
    std::string target;
    sync::Disagreement cell;
  };
  struct Page {
    std::vector<Listed> cells;
    std::optional<std::string> next;
  };
  /// Lists the cells, target by target in order of their names, or only those of `target`. kRefused: the cursor is not valid.
  /// kNotFound: there is no such target.
  Result<Page> List(const sync::KeptFilter& filter, const std::optional<std::string>& target, std::size_t limit,
                    const std::optional<std::string>& cursor) const;

  struct Decided {
    std::string target;
    sync::KeptDecision decision;
  };
  /// Decides about a cell in the target where it is open; see sync::DecideKept().
  Result<Decided> Decide(sync::postgres::Session& state, const std::string& id, sync::KeptChoice choice) const;

 private:
  const Config& config_;
  const Databases& databases_;
  std::vector<std::shared_ptr<const mappings::Mapping>> mappings_;
  const std::map<std::string, mappings::Catalog>& catalogs_;
  OpenTarget open_;
};

/// Returns the audit's detail of a decision: the place and the memory, but no value. The row is given by its number in the
/// ledger, because its key may be personal.
nlohmann::json AuditedOf(const KeptTargets::Decided& decided);
/// Returns the cell's name for the audit: `default/crm.contacts.name`.
std::string ObjectOf(const KeptTargets::Decided& decided);

/// Counts the open cells of every target each ten seconds. Threads: one of its own; Cells() from any.
class KeptWatch {
 public:
  static constexpr std::chrono::seconds kEvery{10};

  /// Everything referred to outlives it; `metrics` does, or Metrics::Forget() is called first.
  KeptWatch(const Config& config, const Databases& databases, Metrics& metrics);

  /// Returns the sum over all targets; nothing until all were counted, and while one is away.
  std::optional<std::int64_t> Cells() const;
  void RequestStop() { thread_.RequestStop(); }

 private:
  void Look(const Config& config, const Databases& databases);

  std::atomic<std::int64_t> cells_{-1};
  Periodic thread_;
};

}  // namespace membridge::admin
