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

/// Memories that wait for a person to say which of several rows they mean. Everything referred to outlives it. Functions throw
/// postgres::SqlFailure.
class AmbiguousRows {
 public:
  AmbiguousRows(const Config& config, const Databases& databases, const std::vector<ConfiguredMapping>& configured,
                const std::map<std::string, mappings::Catalog>& catalogs, OpenTarget open)
      : config_(config), databases_(databases), configured_(configured), catalogs_(catalogs), open_(std::move(open)) {}

  struct Asked {
    ProjectId project;
    MemoryId memory;
    std::optional<std::string> mapping{};  ///< nothing: the one under which it is parked for this
  };
  struct Found {
    std::string target;
    sync::Ambiguity ambiguity;
  };
  /// The rows that match now. kNotFound: nothing of the memory is ambiguous. kRefused: it is under several mappings.
  Result<Found> Find(sync::postgres::Session& state, const Asked& asked, Instant now, std::chrono::milliseconds patience) const;

  /// See sync::ChooseRow(): the candidate of this key, as `17` or `a=1,b=2`. kNotFound: none of them has it.
  Result<std::size_t> Choose(sync::postgres::Session& state, const Found& found, const std::string& key) const;

 private:
  const Config& config_;
  const Databases& databases_;
  const std::vector<ConfiguredMapping>& configured_;
  const std::map<std::string, mappings::Catalog>& catalogs_;
  OpenTarget open_;
};

/// The candidates side by side, as commands with --json and the API show them.
nlohmann::ordered_json CandidatesJson(const AmbiguousRows::Found& found);
/// What the audit is told of a choice: no value, and no key, which may be personal.
nlohmann::json AuditedOf(const AmbiguousRows::Found& found, std::size_t memories);

}  // namespace membridge::admin
