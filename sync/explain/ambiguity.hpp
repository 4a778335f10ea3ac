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

/// The key of a row for people: `17`, or `a=1,b=2`.
std::string KeyInWords(const nlohmann::json& identity);

/// Applies the source in a transaction that is rolled back, to see which rows match now. Waits at most `patience` for a lock.
/// kNotFound: no key matches several rows. Throws postgres::SqlFailure.
Result<Ambiguity> FindAmbiguity(postgres::Session& there, const Applier& applier, const mappings::Catalog& catalog,
                                const Source& source, Instant now, std::chrono::milliseconds patience);

/// A memory as the mirror has it, ready to be applied. kNotFound: there is none.
Result<Source> FromMirror(postgres::Session& state, const ProjectId& project, const MemoryId& memory, Instant now);

/// Under which mappings a memory is parked because several rows match.
std::vector<std::string> AmbiguousMappings(postgres::Session& state, const ProjectId& project, const MemoryId& memory);

/// Remembers that the row at `chosen` is meant by whoever says this, and has the memories that were parked for it applied again.
/// How many. kRefused: the target's ledger is another state's. Throws postgres::SqlFailure.
Result<std::size_t> ChooseRow(postgres::Session& state, postgres::Session& there, const std::string& target,
                              const Ambiguity& ambiguity, std::size_t chosen);

}  // namespace membridge::sync
