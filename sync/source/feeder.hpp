#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "sync/postgres/kept_session.hpp"
#include "sync/source/log_install.hpp"
#include "sync/source/log_reader.hpp"
#include "sync/source/source_state.hpp"
#include "sync/source/table_name.hpp"

namespace membridge::sync::source {

/// How changes of a source are found now.
struct SourceStanding {
  enum class Mode {
    kUnknown,  ///< not looked at yet
    kAway,     ///< the database cannot be reached, or the table is missing or cannot be read; `error` says which
    kPolling,  ///< without the change log: by looking for changed and deleted rows now and then
    kLive,     ///< by the change log
  };
  Mode mode = Mode::kUnknown;
  bool replaced = false;                ///< the table was dropped and made again; what it lacks is not taken for deleted
  bool broken = false;                  ///< it had a change log, and has none now
  Error error{};                        ///< with kAway, `replaced` and `broken`
  std::uint64_t taken = 0;              ///< entries of the log that were made into marks by this object
  std::int64_t log_entries = 0;         ///< in the log, as far as its statistics know
  std::optional<std::string> wanted{};  ///< why a full sweep must be queued
};

/// `unknown`, `away`, `polling`, `live`: as the API and the state name it.
std::string_view NameOf(SourceStanding::Mode mode);

/// What Feeder needs.
struct FeederOptions {
  ProjectId project;
  std::string dsn;  ///< of the source database
  TableName table;
  std::string state_dsn;
  std::size_t page = 20'000;                                       ///< entries read at once
  std::chrono::milliseconds look_every = std::chrono::seconds{1};  ///< how often table, triggers and lost changes are looked at
  std::chrono::milliseconds trim_every = std::chrono::seconds{2};
};

/// Turns entries of the change log into marks in the queue. The snapshot of what was taken is stored in the commit that makes the
/// marks, so a crash repeats at most one page, which is harmless. For one thread; only one process at a time should run it for a
/// project, and more than one would only repeat marks.
class Feeder {
 public:
  explicit Feeder(FeederOptions options);

  /// Takes what is new and returns how many entries that were. Throws nothing; failures are in Standing(). Blocks as long as the
  /// source and the state take to answer.
  std::size_t Step();
  const SourceStanding& Standing() const { return standing_; }

 private:
  using Steady = std::chrono::steady_clock;

  void Look();
  void Judge(const SourceLook& look);
  void Begin(const LogHead& head, LogReader& reader, const std::string& reason);
  void Watch(LogReader& reader);
  std::size_t Take(LogReader& reader);
  void MarkPage(const LogPage& page, bool last);
  void Store();
  void TellState();
  void TrimWhenDue(LogReader& reader);
  void Fail(const Error& error);

  const FeederOptions options_;
  postgres::KeptSession source_;
  postgres::KeptSession state_;
  std::string reader_name_;
  SourceStanding standing_;
  std::optional<std::int64_t> relid_;
  Remembered remembered_;
  std::string stored_snapshot_;  // what a successor of this object would go on from; only that may be trimmed
  std::optional<Steady::time_point> looked_, stored_, trimmed_, told_;
  std::string said_;
  bool took_since_trim_ = false;
};

}  // namespace membridge::sync::source
