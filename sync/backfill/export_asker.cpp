#include "sync/backfill/export_asker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mappings/base/log.hpp"
#include "sync/backfill/export_user.hpp"

namespace membridge::sync {

using std::chrono::milliseconds;

Result<Job::Step> ExportAsker::Ask(Run& run, const ExportUse& use, ExportJob job) {
  if (!mem0::NamesOneEntity(job.entity))
    return steps_.Put(run, job, "failed", clock_.Now(), "the name could mean other users too");
  if (in_doubt_) {
    run.Count("calls", 1);
    const auto account = client_.Ping();
    if (!account) return tl::unexpected<Error>(account.error());
    in_doubt_ = false;
  }
  ++job.asks;
  job.asked_at = clock_.Now();
  job.polls = 0;
  steps_.PutAsked(run, job);
  run.Count("calls", 1);
  const auto id = client_.CreateExport(use.schema, mem0::Filter::OfUser(job.entity), use.instructions);
  const Instant now = clock_.Now();
  if (id) {
    job.export_id = *id;
    run.Count("asked", 1);
    return steps_.Put(run, job, "made", now + options_.poll_base, "");
  }
  const int status = client_.LastFailure().status;
  const bool surely_not_made = status >= 400 && status < 500 && status != 408;
  if (surely_not_made) {
    --job.asks;
    const bool refused = id.error().code == ErrorCode::kRefused || id.error().code == ErrorCode::kNotFound;
    if (refused) return steps_.Put(run, job, "failed", now, id.error().message);
    steps_.Put(run, job, "waiting", now + client_.RetryAfter().value_or(milliseconds{0}), id.error().message);
  } else {
    in_doubt_ = true;
  }
  return tl::unexpected<Error>(id.error());
}

Result<Job::Step> ExportAsker::NotReady(Run& run, ExportJob job) {
  const Instant now = clock_.Now();
  if (now >= job.asked_at + options_.kept) {
    // The run was paused, or no process ran, for so long that Mem0 has deleted the export. This does not count as a lost answer.
    run.Count("expired", 1);
    job = ExportJob{job.entity, {}, 0, 0, {}};
    return steps_.Put(run, job, "waiting", now, "the export expired before it was read; asked again");
  }
  return AskAgainLater(run, std::move(job), "not ready");
}

/// Polls this user again later, unless the deadline has passed. Other users do not wait for it. The deadline may have passed
/// while nobody looked, because the run was paused or Mem0 throttled it: then one look is no proof, and the user gets a second.
Result<Job::Step> ExportAsker::AskAgainLater(Run& run, ExportJob job, const std::string& why) {
  const Instant now = clock_.Now();
  const auto deadline = run.options.deadline.count() > 0 ? run.options.deadline : options_.deadline;
  if (now >= job.asked_at + deadline && job.polls > 0) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - job.asked_at).count();
    Log(LogLevel::kError, "export_failed",
        {{"project", run.project.Text()},
         {"mapping", run.options.mapping},
         {"run", run.id},
         {"user_hash", HashOfUser(job.entity)},
         {"export", job.export_id},
         {"seconds", seconds},
         {"error", why}});
    return steps_.Put(run, job, "failed", now, fmt::format("{} after {} seconds", why, seconds));
  }
  const milliseconds wait = std::min<milliseconds>(options_.poll_cap, options_.poll_base * (1LL << std::min(job.polls, 10)));
  ++job.polls;
  return steps_.Put(run, job, run.options.profiles ? "waiting" : "made", now + wait, "");
}

/// Handles a missing answer about one user. When Mem0 answers a ping, the problem is this user's and only counts against their
/// deadline. Otherwise the run waits for Mem0, as it does when Mem0 throttles it: the limit is the project's, not this user's.
Result<Job::Step> ExportAsker::NoAnswer(Run& run, ExportJob job, const Error& error) {
  constexpr int kTooManyRequests = 429;
  if (client_.LastFailure().status == kTooManyRequests) return tl::unexpected<Error>(error);
  run.Count("calls", 1);
  if (!client_.Ping()) return tl::unexpected<Error>(error);
  return AskAgainLater(run, std::move(job), error.message);
}

Result<Job::Step> ExportAsker::Poll(Run& run, const ExportUse& use, const ExportJob& job) {
  run.Count("calls", 1);
  run.Count("polls", 1);
  auto answer = client_.GetExport(job.export_id);
  const Instant now = clock_.Now();
  if (!answer && answer.error().code == ErrorCode::kUnavailable) return NoAnswer(run, job, answer.error());
  if (!answer && answer.error().code == ErrorCode::kUnauthorized) return tl::unexpected<Error>(answer.error());
  if (!answer) return concluder_.Conclude(run, use, job, {std::nullopt, answer.error(), now});
  if (!*answer) return NotReady(run, job);
  return concluder_.Conclude(run, use, job, {std::move(**answer), std::nullopt, now});
}

Result<Job::Step> ExportAsker::ReadProfile(Run& run, const ExportUse& use, ExportJob job) {
  if (job.asks == 0) job.asked_at = clock_.Now();
  job.asks = 1;
  job.export_id = "profile";
  run.Count("calls", 1);
  auto profile = client_.ReadProfile(job.entity);
  const Instant now = clock_.Now();
  if (!profile && profile.error().code == ErrorCode::kUnavailable) return NoAnswer(run, job, profile.error());
  if (!profile && profile.error().code == ErrorCode::kUnauthorized) return tl::unexpected<Error>(profile.error());
  if (!profile) return steps_.Put(run, job, "failed", now, profile.error().message);
  if (profile->status == "not_enabled") {
    return Fail(ErrorCode::kRefused, "User Profiles are not enabled in this Mem0 project",
                "enable them at Mem0, or leave `profiles` out");
  }
  if (profile->status == "pending") return NotReady(run, job);
  if (profile->status == "insufficient_data") return steps_.Put(run, job, "done", now, "too few memories for a profile");
  if (profile->status != "succeeded") return steps_.Put(run, job, "failed", now, "Mem0 could not make the profile");
  // A profile may be older than the newest memories. As long as it is, its user counts as changed and is read again.
  job.asked_at = std::min(now, profile->updated_at.value_or(now));
  return concluder_.Conclude(run, use, job, {std::move(profile->profile), std::nullopt, profile->updated_at.value_or(now)});
}

}  // namespace membridge::sync
