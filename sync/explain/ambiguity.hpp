#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "mappings/check/catalog.hpp"
#include "sync/apply/applier.hpp"
#include "sync/apply/source.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// A memory whose key matches several rows, with the rows side by side.
struct Ambiguity {
  struct Row {
    Candidate candidate;
    nlohmann::json values;  ///< by column; null where the role may not read the table
  };
  Source source;
  std::string mapping;
  std::string cause;
  std::string place;
  std::vector<Row> rows;
};

/// Returns the key of a row for messages: `17`, or `a=1,b=2`.
std::string KeyInWords(const nlohmann::json& identity);

/// Applies the source in a transaction that is rolled back, to see which rows match now. Waits at most `patience` for a lock.
/// kNotFound: no key matches several rows. Throws postgres::SqlFailure.
Result<Ambiguity> FindAmbiguity(postgres::Session& there, const Applier& applier, const mappings::Catalog& catalog,
                                const Source& source, Instant now, std::chrono::milliseconds patience);

/// Returns the memory's record in the mirror, ready to be applied. kNotFound: the mirror does not have it. Throws
/// postgres::SqlFailure.
Result<Source> FromMirror(postgres::Session& state, const ProjectId& project, const MemoryId& memory, Instant now);

/// Returns the mappings for which the memory is parked because several rows match. Throws postgres::SqlFailure.
std::vector<std::string> AmbiguousMappings(postgres::Session& state, const ProjectId& project, const MemoryId& memory);

/// Remembers that a person chose the row at `chosen` for this speaker (SpeakerOf), and marks the memories that were parked for
/// it, so that they are applied again. Returns how many. kRefused: the target's ledger belongs to another state. Throws
/// postgres::SqlFailure.
Result<std::size_t> ChooseRow(postgres::Session& state, postgres::Session& there, const std::string& target,
                              const Ambiguity& ambiguity, std::size_t chosen);

}  // namespace membridge::sync
