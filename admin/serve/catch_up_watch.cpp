#include "admin/serve/catch_up_watch.hpp"

#include <random>
#include <utility>

#include "mappings/base/digest.hpp"
#include "mappings/base/log.hpp"
#include "sync/postgres/session.hpp"
#include "sync/schedule/catch_up.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;
using sync::CatchUp;
using sync::postgres::Session;
using sync::postgres::SqlFailure;
using sync::postgres::Transaction;

constexpr auto kBeat = 2'000ms;
/// Who lives says so several times within it.
constexpr std::chrono::seconds kJudgeStartAfter = 8s;

std::string NewProcessId() {
  std::random_device random;
  std::string entropy;
  for (int i = 0; i < 8; ++i) entropy += std::to_string(random()) + " ";
  return mappings::Uuid5("6ba7b812-9dad-11d1-80b4-00c04fd430c8", entropy).value();
}

}  // namespace

CatchUpWatch::CatchUpWatch(const Config& config, std::string state_dsn, const Clock& clock, std::function<void()> queued)
    : config_(config), state_dsn_(std::move(state_dsn)), clock_(clock), queued_(std::move(queued)), process_(NewProcessId()) {
  thread_.emplace("catch-up", [this](const std::stop_token&) { return Look(); });
}

void CatchUpWatch::Want(const ProjectId& project, std::string_view reason) const {
  Session session{state_dsn_, "membridge catch-up"};
  Transaction transaction = session.Begin();
  CatchUp{transaction}.Want(project, reason);
  transaction.Commit();
}

void CatchUpWatch::Stop() {
  if (!thread_) return;
  thread_.reset();
  try {
    Session session{state_dsn_, "membridge catch-up"};
    Transaction transaction = session.Begin();
    CatchUp{transaction}.Leave(process_);
    transaction.Commit();
  } catch (const SqlFailure&) {
    // It is found out by its silence.
  }
}

std::chrono::milliseconds CatchUpWatch::Look() {
  try {
    Session session{state_dsn_, "membridge catch-up"};
    Transaction transaction = session.Begin();
    CatchUp catch_up{transaction};
    if (!began_) began_ = catch_up.Now();
    catch_up.Beat(process_);
    if (!start_judged_) {
      // Whoever was killed a moment ago looks as if it listened; who lives says so again.
      const bool another = catch_up.AnotherListens(process_);
      const bool lives = another && catch_up.AnotherListenedSince(process_, *began_);
      if (!another || lives || catch_up.Now() > *began_ + kJudgeStartAfter) {
        start_judged_ = true;
        for (const ProjectConfig& project : config_.projects) {
          if (!lives) catch_up.Want(project.id, "nobody listened before this start");
        }
      }
    }
    const auto queued = catch_up.Queue(clock_.Now());
    transaction.Commit();
    for (const ProjectId& project : queued) Log(LogLevel::kInfo, "catch_up_queued", {{"project", project.Text()}});
    if (!queued.empty() && queued_) queued_();
  } catch (const SqlFailure& failure) {
    Log(LogLevel::kWarn, "catch_up_postponed", {{"sqlstate", failure.fields().sqlstate}});
  }
  return kBeat;
}

}  // namespace membridge::admin
