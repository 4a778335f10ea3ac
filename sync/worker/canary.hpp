#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "mappings/memory.hpp"
#include "sync/mem0/client.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Whose canaries are at Mem0, and what marks one in its metadata. Both have to be there.
inline constexpr const char* kCanaryUser = "membridge-canary";
inline constexpr const char* kCanaryMark = "membridge_canary";

/// Whether a memory is a canary, of this deployment or another: it is mirrored, and no mapping ever sees it.
bool IsCanary(const nlohmann::json& record);

struct CanaryOptions {
  std::chrono::milliseconds every = std::chrono::minutes{15};    ///< from the end of one to the beginning of the next
  std::chrono::milliseconds deadline = std::chrono::minutes{2};  ///< a delivery that is later counts as lost
};

/// What is known of a project's canaries; the same in every process.
struct CanaryView {
  enum class Outcome { kNone, kHeard, kLost, kFailed };
  bool waiting = false;           ///< one is out
  Outcome last = Outcome::kNone;  ///< of the one before; kFailed: Mem0 took none
  std::optional<Instant> last_at;
  std::chrono::milliseconds heard_after{0};  ///< of the last that was heard
  int misses = 0;                            ///< in a row
  std::chrono::milliseconds next{0};         ///< when to look again
  bool news = false;                         ///< this very step came to an outcome: one process sees it, once
};
std::string_view NameOf(CanaryView::Outcome outcome);

/// Proves the whole way from Mem0 to the inbox: writes a marked memory, expects its delivery, removes it. One is out at a time,
/// whatever the number of processes: the row in the database is leased to the process that takes the step. A crash leaves at most
/// one memory of kCanaryUser at Mem0, which the next canary removes. Steps throw postgres::SqlFailure.
class Canary {
 public:
  Canary(ProjectId project, CanaryOptions options) : project_(std::move(project)), options_(options) {}

  /// Goes on with what is due; cheap when nothing is. Mem0's errors are an outcome, kFailed, with `error` filled.
  CanaryView Step(postgres::Session& session, mem0::Client& client, std::optional<Error>& error);

 private:
  struct Row;
  std::optional<Row> Take(postgres::Session& session) const;
  CanaryView Read(postgres::Session& session, bool news) const;
  void Conclude(postgres::Session& session, CanaryView::Outcome outcome, std::chrono::milliseconds after) const;
  Result<void> LetOut(postgres::Session& session, mem0::Client& client) const;
  Result<void> RemoveAll(postgres::Session& session, mem0::Client& client) const;

  const ProjectId project_;
  const CanaryOptions options_;
};

}  // namespace membridge::sync
