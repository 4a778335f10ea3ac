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

/// A cell in which a person wrote another value than a memory says. The cell holds the person's value.
struct Disagreement {
  std::string id;  ///< changes when the person or the memory says something else
  std::string relation;
  nlohmann::json identity;  ///< primary key, as text
  std::string cell;
  nlohmann::json current;  ///< the person's
  nlohmann::json claimed;  ///< the memory's
  std::string project, mapping;
  std::string source;              ///< the memory's id; for an export its user, for an event its id
  std::string memory;              ///< for an event: the memory it was about; else empty
  std::string stamp;               ///< the version of the memory that says it
  std::string place;               ///< `contacts.yaml:12`, when a mapping in force has the line
  std::optional<Instant> touched;  ///< when a person last changed the row, if a column tells it
  Instant since;                   ///< when the bridge noticed
};

/// Selects disagreements. A field that is not set selects all.
struct KeptFilter {
  std::optional<std::string> project{}, table{}, mapping{}, memory{};
};

/// One page of ListKept(). `next`: the next page's cursor; nothing: this is the last page.
struct KeptPage {
  std::vector<Disagreement> cells;
  std::optional<std::string> next;
};

/// How a person decides.
enum class KeptChoice {
  kTake,     ///< the memory is right: the cell is the bridge's from now on
  kDismiss,  ///< the person is right: not asked again until a memory says something else
};

/// The mappings and tables of one target.
struct KeptTables {
  const mappings::Catalog& catalog;
  const std::vector<std::shared_ptr<const mappings::Mapping>>& mappings;
};

/// Returns a page of a target's open disagreements, in the order of the rows in the ledger. A page with fewer than `limit` may
/// still not be the last. Leaves out what was settled since the ledger last looked at the row. kRefused: the cursor did not come
/// from an earlier page. Throws postgres::SqlFailure.
Result<KeptPage> ListKept(postgres::Transaction& there, const KeptTables& tables, const KeptFilter& filter, std::size_t limit,
                          const std::optional<std::string>& cursor);

/// Counts the open disagreements that the ledger has noticed.
std::int64_t CountKept(postgres::Transaction& there);

/// A decision, and whether the bridge applies the source again now. It does so for memories. The value of an export or event is
/// written when the next one speaks of the row.
struct KeptDecision {
  Disagreement disagreement;
  bool applied_again = false;
};

/// Decides one disagreement. A worker writes the row a moment later, under the rules of every write. kNotFound: `id` is not open
/// in this target, or its values have changed. kRefused: the target's ledger belongs to another state. The sessions may be on one
/// database. Throws postgres::SqlFailure.
Result<KeptDecision> DecideKept(postgres::Session& state, postgres::Session& there, const std::string& target,
                                const KeptTables& tables, const std::string& id, KeptChoice choice);

std::string KeptText(const Disagreement& disagreement);
nlohmann::ordered_json KeptJson(const std::string& target, const Disagreement& disagreement);

}  // namespace membridge::sync
