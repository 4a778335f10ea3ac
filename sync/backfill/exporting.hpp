#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sync/backfill/export_cursor.hpp"
#include "sync/backfill/export_jobs.hpp"
#include "sync/backfill/job.hpp"
#include "sync/mem0/client.hpp"
#include "sync/postgres/session.hpp"
#include "sync/targets/tied_sessions.hpp"
#include "sync/worker/mapping_set.hpp"

namespace membridge::sync {

struct ExportingOptions {
  std::chrono::seconds lease{60};
  int page_size = 100;                       ///< users per page of the list
  std::int64_t at_once = 4;                  ///< exports under way at Mem0 at a time
  std::chrono::milliseconds poll_base{500};  ///< the first wait before asking whether one is ready; doubles
  std::chrono::milliseconds poll_cap{15'000};
  std::chrono::seconds deadline = std::chrono::minutes{10};  ///< one that is not ready by then has failed
  std::chrono::seconds kept = std::chrono::days{7};          ///< how long Mem0 keeps an export
  std::int64_t vanishing_at_least = 20;                      ///< the guard: so many users may be gone at once,
  double vanishing_share = 0.1;                              ///< or this share of all, whichever is more
};

/// Asks Mem0 to fill a mapping's schema for every user who changed, and applies the answers.
///
/// One export per user. That Mem0 is about to be asked is committed before the call, and the export's id before the first poll: a
/// run that is killed goes on polling what was made. Mem0 cannot list exports, so an answer that was lost means asking once more,
/// and never a third time. An answer that does not fit parks its user, and one that does not come by the deadline fails them,
/// told by a hash of their name; the run goes on. What an export said is withdrawn when its user has gone from Mem0 and the last
/// memory with them.
class Exporting final : public Job {
 public:
  using Mappings = MappingsInForce;

  Exporting(ExportingOptions options, std::string state_dsn, std::unique_ptr<mem0::Client> client, Mappings mappings,
            const Clock& clock);
  ~Exporting() override;

  Result<Step> Next(Run& run) override;

 private:
  struct Place;
  struct Use;
  struct Answer;

  Result<Use> FindMapping(const Run& run) const;
  Result<void> AskLedgers(Use& use);
  using Elsewhere = std::map<std::string, postgres::Transaction>;
  postgres::Transaction& TransactionOf(const Place& place, postgres::Transaction& state, Elsewhere& elsewhere,
                                       std::int64_t fence);
  Result<Step> ListUsers(Run& run, const Use& use);
  Result<Step> ExportOne(Run& run, const Use& use);
  Result<Step> Ask(Run& run, const Use& use, ExportJob job);
  Result<Step> Poll(Run& run, const Use& use, ExportJob job);
  Result<Step> ReadProfile(Run& run, const Use& use, ExportJob job);
  Result<Step> Conclude(Run& run, const Use& use, const ExportJob& job, const Answer& answer);
  Result<Step> NotReady(Run& run, ExportJob job);
  Result<Step> AskAgainLater(Run& run, ExportJob job, const std::string& why);
  Result<Step> NoAnswer(Run& run, ExportJob job, const Error& error);
  Result<Step> PutAndGoOn(Run& run, const ExportJob& job, std::string_view state, Instant due_at, const std::string& note);
  Result<Step> Withdraw(Run& run, const Use& use);
  Step Finish(postgres::Transaction& transaction, Run& run);
  void Measure(postgres::Transaction& transaction, Run& run);

  ExportingOptions options_;
  std::unique_ptr<mem0::Client> client_;
  Mappings mappings_;
  const Clock& clock_;
  TiedSessions sessions_;
  bool in_doubt_ = false;  // Mem0 may be away: it is asked for nothing that counts until it answers something that does not
};

}  // namespace membridge::sync
