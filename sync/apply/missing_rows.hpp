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

/// Remembers memories that need a missing row, and wakes them when the row is made (membridge.waiting): one mapping's batch,
/// inside its transaction. Throws postgres::SqlFailure.
///
/// Whoever looks in vain holds the key shared until it commits. Whoever makes a row notes the keys by which rows of that table
/// were ever looked for, and Match(), once that is committed, tells those that wait for them, a key at a time when nobody holds
/// it. So of two at once either the one finds the row, or is told of it; and neither waits for the other, which in two tables at
/// once would be a deadlock.
class Waits {
 public:
  /// `committed`: false for a dry run. It notes what the others would, and keeps nobody from making rows meanwhile.
  Waits(postgres::Transaction& transaction, const std::string& mapping, bool committed)
      : transaction_(transaction), mapping_(mapping), committed_(committed) {}

  /// Holds keys under which nothing was found. Whoever waits for what is not there when it returns will be told: so look once
  /// more. Answers a number per value; nothing when the key's types cannot be compared this way.
  std::vector<std::string> Seek(const TargetTable& table, const std::vector<TargetTable::KeyColumn>& key,
                                const std::vector<nlohmann::json>& values);
  /// The source of the batch waits for that key of that table.
  void Note(const Source& source, const TargetTable& table, const std::string& number);

  /// A row was made or came back (`before` empty), or other values stand in it now.
  void Appeared(const TargetTable& table, const Image& row, const Image& before, const std::set<std::size_t>& sources);

  /// Books the notes of these sources in place of those they had, and what appeared. Answers the sources of the batch on whose
  /// behalf something did that is looked for: then there is something to match.
  std::set<std::size_t> Settle(const std::vector<const Source*>& sources);

  /// Wakes who waits for what was made and committed. In a transaction of its own, which is to be committed soon. False when
  /// something is left that somebody is just looking for: then do it again in a moment.
  static bool Match(postgres::Transaction& transaction);

  /// A source that is refused as things stand is parked, and waits for nothing.
  static void Forget(postgres::Transaction& transaction, const std::string& mapping, const Source& source);

 private:
  struct Row {
    Image image, before;
    std::set<std::size_t> sources;
  };
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
