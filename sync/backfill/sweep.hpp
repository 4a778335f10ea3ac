#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sync/backfill/job.hpp"
#include "sync/backfill/sweep_cursor.hpp"
#include "sync/mem0/client.hpp"
#include "sync/postgres/kept_session.hpp"
#include "sync/worker/worker.hpp"

namespace membridge::sync {

struct SweepOptions {
  std::chrono::seconds lease{60};
  int page_size = mem0::Client::kLargestPage;
  std::chrono::seconds overlap = std::chrono::hours{24};  ///< how far an increment reaches back behind the watermark
  std::chrono::seconds delivery_patience{60};  ///< a change younger than this may still be delivered: it is not called lost
  std::chrono::seconds confirm_patience =
      std::chrono::minutes{10};          ///< how long to wait for the workers to read what is in doubt
  int walks = 3;                         ///< a walk that was disturbed is done again, up to so many in all
  std::int64_t vanishing_at_least = 20;  ///< the guard: so many may be missing at once,
  double vanishing_share = 0.1;          ///< or this share of all, whichever is more
};

/// A walk through the memories at Mem0 that repairs what webhooks lost, and the first load as well.
///
/// Every page is compared with the mirror in one statement; what differs is applied with the page's own records, without reading
/// them again, unless the mirror has something newer or the memory is dirty: live deliveries win. What cannot be told apart by
/// looking is left to the workers to read.
///
/// An increment takes what changed since the project's watermark (less an overlap), which moves on only when a walk came to a
/// sound end. A full sweep also looks for memories the mirror has and the walk did not meet. It never withdraws them: it marks
/// them dirty, and the workers' reads decide. When more are missing at once than the guard allows, the run fails and says so.
///
/// A record that cannot be read hides nothing but itself: it is left to the workers, who park it. A walk is disturbed when the
/// list shrank, ended before its count, or was given up (ListWatch), and is then done again. Two walks that came to their own end
/// and met exactly the same are sound, whatever the count says. Without a sound walk the run ends as failed and tells why, what
/// was met stays applied, and what no walk met is still looked at by the workers.
///
/// While a page is applied the next one is read already. Memory use does not depend on how many memories there are.
class Sweep final : public Job {
 public:
  Sweep(SweepOptions options, std::string state_dsn, std::unique_ptr<mem0::Client> client, std::unique_ptr<Worker> worker,
        const Clock& clock);
  ~Sweep() override;  ///< waits for a page that is being read ahead

  Result<Step> Next(Run& run) override;

 private:
  struct Page;
  struct Ahead;

  void Begin(Run& run, SweepCursor& cursor);
  Result<Step> WalkOn(Run& run, SweepCursor cursor);
  Result<Page> ReadPage(const Run& run, const SweepCursor& cursor);
  void ReadAhead(const Run& run, const SweepCursor& cursor, const Page& page);
  void Compare(const Run& run, Page& page);
  void Account(postgres::Transaction& transaction, Run& run, SweepCursor& cursor, const Page& page,
               const std::vector<Worker::Fate>& fates);
  void EndWalk(postgres::Transaction& transaction, Run& run, SweepCursor& cursor, ListWatch::Verdict verdict);
  Result<Step> LookForMissing(Run& run, SweepCursor cursor);
  Result<Step> Confirm(Run& run, SweepCursor cursor);
  std::string Commit(postgres::Transaction& transaction, Run& run, const SweepCursor& cursor);

  SweepOptions options_;
  std::unique_ptr<mem0::Client> client_;
  std::unique_ptr<Worker> worker_;
  const Clock& clock_;
  postgres::KeptSession state_;
  std::unique_ptr<Ahead> ahead_;  // last: it uses the client
};

}  // namespace membridge::sync
