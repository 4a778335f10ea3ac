#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/mapping_files/configured_mappings.hpp"
#include "admin/mapping_files/kept_cells.hpp"
#include "admin/runtime/databases.hpp"
#include "sync/explain/ambiguity.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// Memories whose key matches several rows, so that a person must choose one. Everything referred to outlives it. Functions throw
/// postgres::SqlFailure. Threads: one.
class AmbiguousRows {
 public:
  AmbiguousRows(const Config& config, const Databases& databases, const std::vector<ConfiguredMapping>& configured,
                const std::map<std::string, mappings::Catalog>& catalogs, OpenTarget open)
      : config_(config), databases_(databases), configured_(configured), catalogs_(catalogs), open_(std::move(open)) {}

  struct Asked {
    ProjectId project;
    MemoryId memory;
    std::optional<std::string> mapping{};  ///< nothing: the mapping under which the memory is parked for this reason
  };
  struct Found {
    std::string target;
    sync::Ambiguity ambiguity;
  };
  /// Returns the rows that match now. kNotFound: the memory has no ambiguous row. kRefused: it has some under several mappings.
  Result<Found> Find(sync::postgres::Session& state, const Asked& asked, Instant now, std::chrono::milliseconds patience) const;

  /// Chooses the candidate with this key (`17` or `a=1,b=2`); see sync::ChooseRow(). kNotFound: no candidate has this key.
  Result<std::size_t> Choose(sync::postgres::Session& state, const Found& found, const std::string& key) const;

 private:
  const Config& config_;
  const Databases& databases_;
  const std::vector<ConfiguredMapping>& configured_;
  const std::map<std::string, mappings::Catalog>& catalogs_;
  OpenTarget open_;
};

/// Returns the candidates as commands with --json and the API show them.
nlohmann::ordered_json CandidatesJson(const AmbiguousRows::Found& found);
/// Returns the audit's detail of a choice. It has no values and no key, because a key may be personal.
nlohmann::json AuditedOf(const AmbiguousRows::Found& found, std::size_t memories);

}  // namespace membridge::admin
