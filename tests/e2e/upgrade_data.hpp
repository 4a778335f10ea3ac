#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/e2e/world.hpp"

namespace membridge::e2e {

/// Data in every table that an older binary can fill. The commands run before anything is served, the rest needs it to serve.
class UpgradeData {
 public:
  explicit UpgradeData(World& world);

  /// The mappings, the target with a feed and the ways of signing that the data needs.
  void AddTo(test::BridgeOptions& options) const;

  /// Rows, versions, rows let go, parked, waiting and kept memories, a chosen row, exports, sweeps, people erased, admitted again
  /// and not wholly erased, a webhook, tokens, audit; all by commands of `program` with the configuration of `old`.
  void FillByCommands(const test::Bridge& old, const std::string& program);
  /// A signed delivery, a memory that vanished without a word, a configured token in use: `old` serves.
  void FillByServing(const test::Bridge& old, const std::string& url);
  /// This binary, with the configuration of `now`, puts right what the older one had parked, kept and not erased.
  void PutRight(const test::Bridge& now);

  /// Notes which tables of the schema hold rows now.
  void LookAtTables();
  /// Those that never did.
  std::vector<std::string> Empty() const;
  std::size_t Filled() const { return filled_.size(); }
  /// Those of them for which no reason is known.
  std::vector<std::string> Lacking() const;

 private:
  std::string AddQuietly(const std::string& user, const std::string& text, const nlohmann::json& metadata = nullptr);

  World& world_;
  test::PgDatabase elsewhere_;
  test::ScratchFolder folder_;
  std::string renamed_, wearer_, stage_, silent_;
  std::set<std::string> filled_;
};

}  // namespace membridge::e2e
