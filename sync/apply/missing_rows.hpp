#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "sync/apply/source.hpp"
#include "sync/apply/target_table.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Remembers memories that need a missing row, and wakes them when the row is made (membridge.waiting). For one mapping's batch,
/// inside its transaction. Throws postgres::SqlFailure.
///
/// A transaction that misses a row holds the key's lock shared until it commits. A transaction that makes a row notes its values
/// for every key by which rows of that table were ever missed. Once that is committed, Match() wakes the memories that wait for
/// these keys, one key at a time, and only when no transaction holds the key. So when one transaction looks for a row that
/// another makes at the same time, it either finds the row or its memory is woken. Neither waits for the other, since that could
/// deadlock across two tables.
class Waits {
 public:
  /// `committed`: false for a dry run, which notes the same but does not keep others from making rows.
  Waits(postgres::Transaction& transaction, const std::string& mapping, bool committed)
      : transaction_(transaction), mapping_(mapping), committed_(committed) {}

  /// Holds keys under which no row was found. Look for the rows once more after it returns: a memory that waits for a row which
  /// is still missing then will be woken. Returns a number per value; nothing when the key's types cannot be compared this way.
  std::vector<std::string> Seek(const TargetTable& table, const std::vector<TargetTable::KeyColumn>& key,
                                const std::vector<nlohmann::json>& values);
  /// Notes that a source of the batch waits for this key of this table.
  void Note(const Source& source, const TargetTable& table, const std::string& number);

  /// Notes that a row was made or came back (`before` empty), or that its values changed.
  void Appeared(const TargetTable& table, const Image& row, const Image& before, const std::set<std::size_t>& sources);

  /// Replaces the stored waits of these sources by the noted ones, and stores what appeared. Returns the sources of the batch for
  /// which a wanted row appeared: then call Match().
  std::set<std::size_t> Settle(const std::vector<const Source*>& sources);

  /// Wakes the memories that wait for rows that were made and committed. Use a transaction of its own and commit it soon. Returns
  /// false when another transaction holds one of the keys: then call it again in a moment.
  static bool Match(postgres::Transaction& transaction);

  /// Forgets the waits of a source that was refused: it is parked instead.
  static void Forget(postgres::Transaction& transaction, const std::string& mapping, const Source& source);

 private:
  /// A row that appeared or changed, with the sources that caused it.
  struct Row {
    Image image, before;
    std::set<std::size_t> sources;
  };
  /// The rows of one table that appeared or changed.
  struct News {
    const TargetTable* table;
    std::vector<Row> rows;
  };

  void Announce(const TargetTable& table, const std::vector<TargetTable::KeyColumn>& key);
  void Book(const std::vector<const Source*>& sources);
  std::map<std::string, std::vector<std::vector<TargetTable::KeyColumn>>> Sought();
  std::vector<std::string> KeysOf(const News& news, const std::vector<TargetTable::KeyColumn>& key);

  postgres::Transaction& transaction_;
  const std::string mapping_;
  const bool committed_;
  std::set<std::pair<std::string, nlohmann::json>> announced_;                      // relation and columns
  std::set<std::tuple<std::string, std::string, std::string, std::string>> notes_;  // project, source, relation, key
  std::map<std::string, News> news_;                                                // by relation
};

}  // namespace membridge::sync
