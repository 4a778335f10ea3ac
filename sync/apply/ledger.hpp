#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "mappings/base/time.hpp"
#include "sync/apply/kept_cells.hpp"
#include "sync/apply/settle.hpp"
#include "sync/apply/source.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Returns an SQL condition that two identities are equal, in a form that can use the ledger's indexes. Both are expressions of
/// type jsonb.
std::string SameIdentity(std::string_view one, std::string_view other);

/// One claim of a contribution.
struct Claimed {
  Content value;
  bool force = false;
};

/// What one source says about one row (membridge.contributions).
struct Contribution {
  std::int64_t row_id = 0;
  std::string relation;     ///< the row's table and
  nlohmann::json identity;  ///< primary key: filled in by ContributionsOf only
  std::string project, mapping, source;
  std::string name;  ///< of the row in the mapping
  std::string item;  ///< for rows under `each`: which instance, as the items' JSON; else empty
  Instant stamp;
  bool goes = false;  ///< `gone: delete`
  std::map<std::string, Claimed> cells;

  /// The contributor. Equal for two versions of the same contribution.
  auto Who() const { return std::tie(project, mapping, source, name, item); }
  /// Whether this one is newer: by stamp, then by source, name and item, so that every order of delivery gives the same winner.
  bool IsNewerThan(const Contribution& other) const;
};

/// A target row in the ledger (membridge.rows).
struct LedgerRow {
  std::int64_t id = 0;  ///< 0: not in the ledger yet
  std::string relation;
  nlohmann::json identity;
  bool created = false;  ///< the bridge made it
  bool gone = false;     ///< the bridge marked it dead
  std::map<std::string, CellEntry> cells;
  std::optional<std::string> ours;  ///< the touch column after our last write
  std::optional<Instant> theirs;    ///< when a person last moved it
  /// By key (a JSON list of its columns): what each column held when the row was last seen. Complete keys only.
  std::map<std::string, std::map<std::string, std::string>> keys;
  std::map<std::string, std::string> made;  ///< by column, what `new` gave it when the bridge made the row
  KeptCells kept;                           ///< cells in which a memory and a person disagree, or did
  /// Whether the ledger remembers more of the row than its identity.
  bool IsRemembered() const { return created || gone || !cells.empty() || !keys.empty(); }
};

/// What a source said in cells that are not the bridge's any more (membridge.released).
struct Released {
  std::string relation;
  nlohmann::json identity;
  std::string project, source;
  std::map<std::string, Content> cells;  ///< what was left there
};

/// What one source said in a closed version of a row (membridge.versions).
struct VersionClaim {
  std::string relation;
  nlohmann::json identity;                 ///< of the closed version
  std::string project, source;             ///< both empty: no source spoke for it
  bool created = false;                    ///< the bridge made the row
  std::map<std::string, CellEntry> cells;  ///< the cells that hold its value; for elements, `written` holds all that it asked for
};

/// The ledger of one target database, inside one transaction. Throws postgres::SqlFailure. Everything is set-wise.
class Ledger {
 public:
  explicit Ledger(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Locks the sources of a mapping, in one order for all callers, and returns for each whether its `fence` may still write.
  /// Records those that may with their new stamp, digest and whether they are gone.
  std::vector<bool> Enter(const std::string& mapping, const std::vector<Source>& sources);
  /// The same for events, which count once: only an event that was never entered before may write.
  std::vector<bool> EnterOnce(const std::string& mapping, const std::vector<Source>& sources);

  /// Returns all contributions of these sources under this mapping.
  std::vector<Contribution> ContributionsOf(const std::string& mapping, const std::vector<Source>& sources);
  /// Returns the tables whose rows they contribute to.
  std::set<std::string> RelationsOf(const std::string& mapping, const std::vector<Source>& sources);
  /// Returns all contributions to these rows, of every source and mapping.
  std::vector<Contribution> ContributionsTo(const std::vector<std::int64_t>& row_ids);

  /// Returns the ledger's row of this identity, if there is one. Does not lock it.
  std::optional<LedgerRow> Known(const std::string& relation, const nlohmann::json& identity);
  /// Returns up to `most` rows with an id above `id` in which a memory and a person disagree, or did, by id. Does not lock them.
  std::vector<LedgerRow> WithKeptAfter(std::int64_t id, std::size_t most);
  /// Locks and returns the row of that id.
  std::optional<LedgerRow> Locked(std::int64_t id);
  /// Returns the ledger's rows of these identities, in the order given, and locks those that exist. The others have no id until
  /// they are saved. The caller must hold their target rows, so that no other transaction makes them.
  std::vector<LedgerRow> RowsOf(const std::string& relation, const std::vector<nlohmann::json>& identities);
  void Save(const std::vector<Contribution>& contributions);
  void Save(const std::vector<const Contribution*>& contributions);
  void Remove(const std::vector<Contribution>& contributions);
  void Save(const std::vector<const LedgerRow*>& rows);
  /// The same; those without an id are made, and get one.
  void SaveOrMake(const std::vector<LedgerRow*>& rows);
  void Forget(const std::vector<std::int64_t>& row_ids);
  void Save(const std::vector<VersionClaim>& claims);
  void Save(const std::vector<Released>& released);
  /// Notes that these once spoke for their rows, which stay.
  void NoteFormer(const std::vector<Contribution>& contributions);
  /// Wakes the memories of these contributions, so that they are applied again.
  void Wake(const std::vector<Contribution>& contributions, const std::string& relation);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
