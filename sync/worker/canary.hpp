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

/// The user of canaries at Mem0, and the key that marks one in its metadata. A canary has both.
inline constexpr const char* kCanaryUser = "membridge-canary";
inline constexpr const char* kCanaryMark = "membridge_canary";

/// Whether a memory is a canary, of this or another deployment. Canaries are mirrored, but never given to a mapping.
bool IsCanary(const nlohmann::json& record);

/// How often a canary is written, and how long its delivery may take.
struct CanaryOptions {
  std::chrono::milliseconds every = std::chrono::minutes{15};    ///< from the end of one to the beginning of the next
  std::chrono::milliseconds deadline = std::chrono::minutes{2};  ///< a delivery that is later counts as lost
};

/// What is known of a project's canaries. Every process sees the same.
struct CanaryView {
  enum class Outcome { kNone, kHeard, kLost, kFailed };
  bool waiting = false;           ///< a canary is at Mem0 and its delivery has not come
  Outcome last = Outcome::kNone;  ///< of the canary before; kFailed: Mem0 did not take it
  std::optional<Instant> last_at;
  std::chrono::milliseconds heard_after{0};  ///< of the last canary whose delivery came
  int misses = 0;                            ///< in a row
  std::chrono::milliseconds next{0};         ///< when to look again
  bool news = false;                         ///< this step reached an outcome: true once, in one process
};
std::string_view NameOf(CanaryView::Outcome outcome);

/// Tests the whole way from Mem0 to the inbox: writes a marked memory, waits for its delivery, removes it. All processes together
/// have one canary at a time: the database row is leased to the process that takes the step. A crash leaves at most one memory of
/// kCanaryUser at Mem0, which the next canary removes. Steps throw postgres::SqlFailure.
class Canary {
 public:
  Canary(ProjectId project, CanaryOptions options) : project_(std::move(project)), options_(options) {}

  /// Does what is due; cheap when nothing is. An error of Mem0's gives the outcome kFailed and fills `error`.
  CanaryView Step(postgres::Session& session, mem0::Client& client, std::optional<Error>& error);

  /// Makes the next canary due now, unless one is out already.
  void Hurry(postgres::Session& session) const;

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
