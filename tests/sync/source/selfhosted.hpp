#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sync/backfill/run.hpp"
#include "sync/schedule/jobs.hpp"
#include "sync/source/feeder.hpp"
#include "sync/source/table_records.hpp"
#include "sync/worker/worker.hpp"
#include "tests/support/postgres.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge::test {

/// A database with the table of a self-hosted Mem0, one with state and target table, and workers, feeders and sweeps driven by
/// hand. The table has the columns of Mem0's PGVector store; its vector is a text, because the extension is not to be had
/// everywhere.
class SelfHosted {
 public:
  SelfHosted();

  /// `CREATE TABLE` as Mem0 does it; also after a drop.
  void MakeTable() const;
  /// Installs the change log.
  void Install() const;
  void Insert(const std::string& id, const std::string& user, const std::string& text, const std::string& tier = "free") const;
  void Payload(const std::string& id, const std::string& user, const std::string& text, const std::string& tier = "free") const;
  static std::string Id(int number);
  static std::string PayloadOf(const std::string& user, const std::string& text, const std::string& tier);

  sync::source::TableOptions Options() const;
  std::unique_ptr<sync::source::Feeder> NewFeeder() const;
  std::unique_ptr<sync::Worker> NewWorker();
  void Work();                ///< until nothing is dirty
  std::size_t FeedAndWork();  ///< takes what is new, then Work(); returns how many entries were taken
  /// `watch` sees the run after every turn.
  sync::Run Sweep(sync::BackfillKind kind, const sync::RunOptions& options = {},
                  std::chrono::seconds patience = std::chrono::seconds{180},
                  const std::function<void(const sync::Run&)>& watch = {});
  /// `id|body|tier` of every row in the target.
  std::vector<std::string> Rows() const;
  /// The same as the source's table would have it.
  std::vector<std::string> Expected() const;

  const PgDatabase source{PgDatabase::Content::kBare};
  const PgDatabase db;
  sync::WorkerOptions options;
  sync::WorkerCounters counters;

 private:
  std::shared_ptr<const sync::MappingSet> mappings_;
  std::unique_ptr<sync::source::Feeder> feeder_;
  SystemClock clock_;
};

}  // namespace membridge::test
