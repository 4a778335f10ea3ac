#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// A cell where a memory says one thing and a person wrote another. The person's value stands there.
struct Disagreement {
  std::string id;  ///< names it as it is: when either says something else, it is another
  std::string relation;
  nlohmann::json identity;  ///< primary key, as text
  std::string cell;
  nlohmann::json current;  ///< the person's
  nlohmann::json claimed;  ///< the memory's
  std::string project, mapping;
  std::string source;              ///< the memory; of an export its user, of an event the event
  std::string memory;              ///< of an event: the memory it was about; else empty
  std::string stamp;               ///< the version of the memory that says it
  std::string place;               ///< `contacts.yaml:12`, when a mapping in force has the line
  std::optional<Instant> touched;  ///< when a person last changed the row, where a column tells
  Instant since;                   ///< when the bridge noticed
};

/// Which of them; empty means all.
struct KeptFilter {
  std::optional<std::string> project{}, table{}, mapping{}, memory{};
};

struct KeptPage {
  std::vector<Disagreement> cells;
  std::optional<std::string> next;
};

/// How a person decides.
enum class KeptChoice {
  kTake,     ///< the memory is right: the cell is the bridge's from now on
  kDismiss,  ///< the person is right: nobody is asked again until a memory says something else
};

/// The mappings and tables of one target.
struct KeptTables {
  const mappings::Catalog& catalog;
  const std::vector<std::shared_ptr<const mappings::Mapping>>& mappings;
};

/// The open ones of a target, in the order in which the ledger came to know the rows; a page may hold fewer than `limit` and
/// still not be the last. What was settled since the ledger last looked at the row is left out. kRefused: the cursor is none.
Result<KeptPage> ListKept(postgres::Transaction& there, const KeptTables& tables, const KeptFilter& filter, std::size_t limit,
                          const std::optional<std::string>& cursor);

/// How many are open, by what the ledger noticed.
std::int64_t CountKept(postgres::Transaction& there);

/// What was decided, and whether the bridge now applies the memory again: it does so by itself for memories, not for exports and
/// events, whose value is written when the next one speaks of the row.
struct KeptDecision {
  Disagreement disagreement;
  bool applied_again = false;
};

/// Decides one. The row is written by a worker, a moment later, under all rules that hold for every write. kNotFound: it is not
/// open in this target, or not any more as `id` names it. kRefused: the target's ledger is another state's. The sessions may be
/// on one database. Throws postgres::SqlFailure.
Result<KeptDecision> DecideKept(postgres::Session& state, postgres::Session& there, const std::string& target,
                                const KeptTables& tables, const std::string& id, KeptChoice choice);

std::string KeptText(const Disagreement& disagreement);
nlohmann::ordered_json KeptJson(const std::string& target, const Disagreement& disagreement);

}  // namespace membridge::sync
