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

/// The targets that mappings write to, where memories and people may disagree. Everything referred to outlives it. Functions
/// throw postgres::SqlFailure.
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
  /// Target by target, by name; `target`: only of that one. kRefused: the cursor is none. kNotFound: no such target.
  Result<Page> List(const sync::KeptFilter& filter, const std::optional<std::string>& target, std::size_t limit,
                    const std::optional<std::string>& cursor) const;

  struct Decided {
    std::string target;
    sync::KeptDecision decision;
  };
  /// See sync::DecideKept(); in whichever target it is open.
  Result<Decided> Decide(sync::postgres::Session& state, const std::string& id, sync::KeptChoice choice) const;

 private:
  const Config& config_;
  const Databases& databases_;
  std::vector<std::shared_ptr<const mappings::Mapping>> mappings_;
  const std::map<std::string, mappings::Catalog>& catalogs_;
  OpenTarget open_;
};

/// What the audit is told of a decision: where and about which memory, and no value. The row by the ledger's number, because its
/// key may be personal.
nlohmann::json AuditedOf(const KeptTargets::Decided& decided);
/// `default/crm.contacts.name`
std::string ObjectOf(const KeptTargets::Decided& decided);

/// Counts what is open in every target, each ten seconds. Threads: one of its own.
class KeptWatch {
 public:
  static constexpr std::chrono::seconds kEvery{10};

  /// Everything outlives it, but `metrics` only until Metrics::Forget().
  KeptWatch(const Config& config, const Databases& databases, Metrics& metrics);

  /// In all targets; nothing until all were counted, or while one is away.
  std::optional<std::int64_t> Cells() const;
  void RequestStop() { thread_.RequestStop(); }

 private:
  void Look(const Config& config, const Databases& databases);

  std::atomic<std::int64_t> cells_{-1};
  Periodic thread_;
};

}  // namespace membridge::admin
