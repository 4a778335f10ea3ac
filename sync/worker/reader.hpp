#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/memory.hpp"
#include "sync/mem0/records.hpp"
#include "sync/worker/counters.hpp"

namespace membridge::sync {

struct ReaderOptions {
  std::size_t parallel = 8;                         ///< single reads at the same time; the project's call budget bounds them too
  std::chrono::milliseconds begin_within{120'000};  ///< no single read begins later than this after Read() began
};

/// The source's answer about one memory: Mem0's, or that of a table.
struct ReadAnswer {
  enum class Kind {
    kNotAsked,      ///< Mem0 was in trouble, or no time was left: does not count as an attempt
    kFound,         ///< `memory` is its record
    kAbsent,        ///< Mem0 itself says so in a single read, and a complete list by ids lacks it
    kContradicted,  ///< the single read says that it is absent, but the list does not confirm it
    kNotAnId,       ///< Mem0 says that the id is not valid
    kUnreadable,    ///< Mem0 has it, but the record cannot be read
    kFailed,        ///< no answer, or one from a proxy; `error` says which
  };
  Kind kind = Kind::kNotAsked;
  std::optional<mappings::Memory> memory{};
  Error error{};
  std::optional<std::chrono::milliseconds> retry_after{};
  bool is_exact = false;  ///< Records::IsExact() of the source: this read is final
};

/// Reads memories from Mem0 for a worker: many in one list call, then those that the list leaves open one by one, several at the
/// same time. One read of a table leaves nothing open. It owns its clients. For one thread; it starts threads of its own while it
/// reads.
class Reader {
 public:
  using ClientFor = std::function<std::unique_ptr<mem0::Records>(const ProjectId&)>;

  Reader(ReaderOptions options, ClientFor client_for, WorkerCounters& counters);
  ~Reader();

  /// Returns one answer per id, in order. At most 200 ids, none twice. Calls `advance` after every answer of Mem0, from any
  /// thread.
  std::vector<ReadAnswer> Read(const ProjectId& project, const std::vector<MemoryId>& ids, const std::function<void()>& advance);

  /// Returns an error when the project's key is another project's: then nothing may be read, written or withdrawn for it. Asks
  /// Mem0 when that is due.
  std::optional<Error> OfOtherProject(const ProjectId& project);

  /// Returns how long a call for any project used so far must wait at least for its turn; zero when there was no call yet.
  std::chrono::milliseconds NextTurn() const;

 private:
  struct Asked;
  static std::vector<ReadAnswer> AnswersOf(std::vector<Asked>& asked);
  bool IsConfigured(const ProjectId& project);
  mem0::Records& ClientOf(const ProjectId& project, std::size_t number = 0);
  bool ReadList(const ProjectId& project, std::vector<Asked>& asked);
  void ReadSingly(const ProjectId& project, std::vector<Asked>& asked, const std::function<void()>& advance);
  void ReadOne(mem0::Records& client, Asked& one);
  void ConfirmAbsent(const ProjectId& project, std::vector<Asked>& asked);

  const ReaderOptions options_;
  const ClientFor client_for_;
  WorkerCounters& counters_;
  std::map<ProjectId, std::vector<std::unique_ptr<mem0::Records>>> clients_;
};

}  // namespace membridge::sync
