#include "admin/runtime/reasons.hpp"

#include <algorithm>
#include <utility>

namespace membridge::admin {
namespace {

struct ReasonWords {
  std::string_view name;
  std::string_view message;
  std::string_view hint;
};

ReasonWords WordsOf(Degraded reason) {
  switch (reason) {
    case Degraded::kStandstill:
      return {"standstill", "memories are due, and none was finished for a while",
              "look in the log for database_away, worker_failed or calls to Mem0 that fail, and fix what they name"};
    case Degraded::kBlocked:
      return {"blocked", "memories wait for rows that another session holds locked",
              "run membridge parked list --blocked, and end the transaction that holds the rows (pg_stat_activity, "
              "pg_blocking_pids)"};
    case Degraded::kKeyRefused:
      return {"key_refused", "Mem0 refuses the API key",
              "put a valid key where the project's api_key or api_key_file says; an api_key_file is read again by itself"};
    case Degraded::kOtherProject:
      return {"other_project", "the API key belongs to another Mem0 project than this state knows",
              "put the key of the right project back, or run membridge projects adopt NAME if the change is meant"};
    case Degraded::kWebhookOff:
      return {"webhook_off", "the webhook is switched off or missing at Mem0",
              "run membridge webhooks plan, then membridge webhooks apply"};
    case Degraded::kWebhookElsewhere:
      return {"webhook_elsewhere", "the webhook at Mem0 leads to another address than this bridge's",
              "run membridge webhooks plan; if this bridge is to receive again, run membridge webhooks apply --take-over"};
    case Degraded::kSweepConcludedNothing:
      return {"sweep_concluded_nothing", "the last sweep could not tell which memories are gone",
              "run membridge backfill status for the reason, fix it, then run membridge sweep --full"};
    case Degraded::kMappingsRefused:
      return {"mappings_refused", "mapping files on the disk have errors; those from before stay in force",
              "run membridge check, and fix what it names"};
    case Degraded::kLedgerOfAnotherState:
      return {"ledger_of_another_state", "the target's ledger belongs to another state database; nothing is written there",
              "stop the other bridge or restore the right database; if this state is to go on, run membridge targets adopt NAME"};
    case Degraded::kCanaryLost:
      return {"canary_lost", "a memory was written at Mem0 and its delivery did not come in time",
              "run membridge webhooks plan, and make sure that Mem0 reaches webhook.public_url"};
    case Degraded::kFeedStuck:
      return {"feed_stuck", "an endpoint of feeds takes no changes, or refuses some",
              "run membridge feeds status NAME, fix the endpoint, then run membridge feeds resume NAME"};
    case Degraded::kSourceAway:
      return {"source_away", "the table of a self-hosted Mem0 cannot be read; nothing is concluded from that",
              "run membridge source check, and fix what it names"};
    case Degraded::kSourceUnwatched:
      return {"source_unwatched", "the table of a self-hosted Mem0 lost its change log, or was dropped and made again",
              "run membridge source install"};
  }
  return {};
}

}  // namespace

std::string_view NameOf(Degraded reason) {
  return WordsOf(reason).name;
}

std::string_view HintOf(Degraded reason) {
  return WordsOf(reason).hint;
}

nlohmann::ordered_json ViewOf(const Reason& reason) {
  nlohmann::ordered_json view{{"reason", NameOf(reason.kind)}};
  if (!reason.subject.project.empty()) view["project"] = reason.subject.project;
  if (!reason.subject.target.empty()) view["target"] = reason.subject.target;
  if (!reason.subject.backfill.empty()) view["backfill"] = reason.subject.backfill;
  if (!reason.subject.feed.empty()) view["feed"] = reason.subject.feed;
  view["since"] = FormatRfc3339(reason.since);
  view["message"] = reason.message.empty() ? std::string{WordsOf(reason.kind).message} : reason.message;
  view["hint"] = reason.hint.empty() ? std::string{HintOf(reason.kind)} : reason.hint;
  return view;
}

nlohmann::ordered_json ViewsOf(const std::vector<Reason>& reasons) {
  nlohmann::ordered_json views = nlohmann::ordered_json::array();
  for (const Reason& reason : reasons) views.push_back(ViewOf(reason));
  return views;
}

void Reasons::Set(Degraded kind, const ReasonSubject& subject, bool stands, std::string message, std::string hint) {
  const std::lock_guard lock{mutex_};
  const Key key{kind, subject};
  if (!stands) {
    set_.erase(key);
    return;
  }
  Reason& reason = set_.try_emplace(key, Reason{kind, subject, {}, {}, clock_.Now()}).first->second;
  reason.message = std::move(message);
  reason.hint = std::move(hint);
}

void Reasons::Watch(Source source) {
  const std::lock_guard lock{mutex_};
  sources_.push_back(std::move(source));
}

void Reasons::Forget() {
  const std::lock_guard lock{mutex_};
  sources_.clear();
}

std::vector<Reason> Reasons::All() {
  const std::lock_guard lock{mutex_};
  const Instant now = clock_.Now();
  std::map<Key, Reason> all = set_;
  std::map<Key, Instant> seen;
  for (const Source& source : sources_) {
    for (Reason& reason : source()) {
      const Key key{reason.kind, reason.subject};
      const auto known = watched_.find(key);
      reason.since = seen.emplace(key, known == watched_.end() ? now : known->second).first->second;
      all.try_emplace(key, std::move(reason));
    }
  }
  watched_ = std::move(seen);
  std::vector<Reason> reasons;
  for (auto& [key, reason] : all) reasons.push_back(std::move(reason));
  return reasons;
}

}  // namespace membridge::admin
