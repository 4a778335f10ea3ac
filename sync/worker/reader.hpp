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
#include "sync/mem0/client.hpp"
#include "sync/worker/counters.hpp"

namespace membridge::sync {

struct ReaderOptions {
  std::size_t parallel = 8;                         ///< single reads under way at once; the project's call budget bounds them too
  std::chrono::milliseconds begin_within{120'000};  ///< no single read begins later than this after Read() did
};

/// What Mem0 answered about one memory.
struct ReadAnswer {
  enum class Kind {
    kNotAsked,      ///< Mem0 was in trouble, or there was no time: not an attempt
    kFound,         ///< `memory` is its record
    kAbsent,        ///< the single read says so in Mem0's own words, and a complete list by ids lacks it
    kContradicted,  ///< the single read says that it is absent, and the list does not bear it out
    kNotAnId,       ///< Mem0 says that the id is none
    kUnreadable,    ///< Mem0 has it, and the record cannot be read
    kFailed,        ///< no answer, or one from somebody in between; `error` says what it was
  };
  Kind kind = Kind::kNotAsked;
  std::optional<mappings::Memory> memory{};
  Error error{};
  std::optional<std::chrono::milliseconds> retry_after{};
};

/// Reads memories from Mem0 for a worker: many in one list call, and what the list leaves open one by one, several at once.
/// It owns its Mem0 clients. One thread's; it starts threads of its own while it reads.
class Reader {
 public:
  using ClientFor = std::function<std::unique_ptr<mem0::Client>(const ProjectId&)>;

  Reader(ReaderOptions options, ClientFor client_for, WorkerCounters& counters);
  ~Reader();

  /// One answer per id, in order; at most 200 ids, none twice. `advance` is called after every answer of Mem0, from any thread.
  std::vector<ReadAnswer> Read(const ProjectId& project, const std::vector<MemoryId>& ids, const std::function<void()>& advance);

  /// Why nothing may be read, written or withdrawn for a project: its key is another project's. Asks Mem0 when that is due.
  std::optional<Error> OfOtherProject(const ProjectId& project);

  /// How long calls for any project made so far must wait for their turn, at least; zero when none was made.
  std::chrono::milliseconds NextTurn() const;

 private:
  struct Asked;
  static std::vector<ReadAnswer> AnswersOf(std::vector<Asked>& asked);
  bool IsConfigured(const ProjectId& project);
  mem0::Client& ClientOf(const ProjectId& project, std::size_t number = 0);
  bool ReadList(const ProjectId& project, std::vector<Asked>& asked);
  void ReadSingly(const ProjectId& project, std::vector<Asked>& asked, const std::function<void()>& advance);
  void ReadOne(mem0::Client& client, Asked& one);
  void ConfirmAbsent(const ProjectId& project, std::vector<Asked>& asked);

  const ReaderOptions options_;
  const ClientFor client_for_;
  WorkerCounters& counters_;
  std::map<ProjectId, std::vector<std::unique_ptr<mem0::Client>>> clients_;
};

}  // namespace membridge::sync
