#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sync/backfill/job.hpp"
#include "sync/backfill/pages_ahead.hpp"
#include "sync/backfill/sweep_cursor.hpp"
#include "sync/mem0/records.hpp"
#include "sync/postgres/kept_session.hpp"
#include "sync/worker/worker.hpp"

namespace membridge::sync {

/// How a sweep works.
struct SweepOptions {
  std::chrono::seconds lease{60};
  int page_size = mem0::PageRequest{}.size;
  int pages = 5;                                          ///< applied together at most
  std::chrono::seconds overlap = std::chrono::hours{24};  ///< how far an incremental sweep reaches back before the watermark
  std::chrono::seconds delivery_patience{60};  ///< a younger change may still be delivered, so it does not count as lost
  std::chrono::seconds confirm_patience =
      std::chrono::minutes{10};          ///< how long to wait for the workers to read the memories in doubt
  int walks = 3;                         ///< the most walks; a disturbed walk is done again
  std::int64_t vanishing_at_least = 20;  ///< the guard: this many may be missing at once,
  double vanishing_share = 0.1;          ///< or this share of all, if that is more
};

/// Walks through the memories at Mem0 and repairs what webhooks lost. It also does the first load.
///
/// It compares every page with the mirror in one statement. It applies differing records as they are on the page, without reading
/// them again, unless the mirror has a newer one or the memory is dirty: live deliveries win. When the page does not tell which
/// record is newer, the workers read the memory.
///
/// An incremental sweep takes the memories that changed since the project's watermark (less an overlap). The watermark moves on
/// only after a sound walk. A full sweep also looks for memories that the mirror has and the walk did not meet. It never
/// withdraws them: it marks them dirty, and the workers' reads decide. When more are missing than the guard allows, the run fails
/// and says so.
///
/// An unreadable record does not hide others: it is left to the workers, which park it. A walk is disturbed when the list shrank,
/// ended before its count, or was given up (ListWatch); it is then done again. Two walks that came to their own end and met
/// exactly the same memories are sound, even if the count differs. Without a sound walk the run fails and tells why. The memories
/// that were met stay applied, and the workers read those that no walk met.
///
/// It applies up to five pages together once a walk goes well, and reads the next ones meanwhile. Memory use does not depend on
/// the number of memories.
class Sweep final : public Job {
 public:
  Sweep(SweepOptions options, std::string state_dsn, std::unique_ptr<mem0::Records> client, std::unique_ptr<Worker> worker,
        const Clock& clock);
  ~Sweep() override;  ///< waits until the pages that are read ahead have come

  Result<Step> Next(Run& run) override;

 private:
  struct Page;
  struct Pages;

  void Begin(Run& run, SweepCursor& cursor);
  Result<Step> WalkOn(Run& run, SweepCursor cursor);
  int PagesAt(int page) const;
  Result<Pages> ReadPages(const Run& run, const SweepCursor& cursor);
  void Compare(const Run& run, Pages& pages);
  ListWatch::Verdict Account(postgres::Transaction& transaction, Run& run, SweepCursor& cursor, const Pages& pages,
                             const Page& page, const std::vector<Worker::Fate>& fates);
  void EndWalk(postgres::Transaction& transaction, Run& run, SweepCursor& cursor, ListWatch::Verdict verdict);
  Result<Step> LookForMissing(Run& run, SweepCursor cursor);
  Result<Step> Confirm(Run& run, SweepCursor cursor);
  std::string Commit(postgres::Transaction& transaction, Run& run, const SweepCursor& cursor);

  SweepOptions options_;
  std::unique_ptr<mem0::Records> client_;
  std::unique_ptr<Worker> worker_;
  const Clock& clock_;
  postgres::KeptSession state_;
  int pages_ = 1;     // applied together next; one while something goes wrong
  PagesAhead ahead_;  // last: it uses `client_`
};

}  // namespace membridge::sync
