#include "admin/serve/catch_up_watch.hpp"

#include <random>
#include <utility>

#include "mappings/base/digest.hpp"
#include "mappings/base/log.hpp"
#include "sync/schedule/catch_up.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;
using sync::CatchUp;
using sync::postgres::SqlFailure;
using sync::postgres::Transaction;

constexpr auto kBeat = 2'000ms;
/// A running process reports itself several times within this period.
constexpr std::chrono::seconds kJudgeStartAfter = 8s;

std::string NewProcessId() {
  std::random_device random;
  std::string entropy;
  for (int i = 0; i < 8; ++i) entropy += std::to_string(random()) + " ";
  return mappings::Uuid5("6ba7b812-9dad-11d1-80b4-00c04fd430c8", entropy).value();
}

}  // namespace

CatchUpWatch::CatchUpWatch(const Config& config, std::string state_dsn, const Clock& clock, std::function<void()> queued)
    : config_(config),
      clock_(clock),
      queued_(std::move(queued)),
      process_(NewProcessId()),
      state_(std::move(state_dsn), "membridge catch-up") {
  thread_.emplace("catch-up", [this](const std::stop_token&) { return Look(); });
}

CatchUpWatch::~CatchUpWatch() {
  thread_.reset();
  try {
    Transaction transaction = state_.Get().Begin();
    CatchUp{transaction}.Leave(process_);
    transaction.Commit();
  } catch (const SqlFailure& failure) {
    // Other processes will notice that this one no longer reports itself.
    Log(LogLevel::kWarn, "catch_up_left_silently", {{"sqlstate", failure.fields().sqlstate}});
  }
}

std::chrono::milliseconds CatchUpWatch::Look() {
  Transaction transaction = state_.Get().Begin();
  CatchUp catch_up{transaction};
  if (!began_) began_ = catch_up.Now();
  catch_up.Beat(process_);
  bool judged = start_judged_;
  if (!judged) {
    // A process that was just killed still looks as if it were listening. A running one reports itself again.
    const bool another = catch_up.AnotherListens(process_);
    const bool lives = another && catch_up.AnotherListenedSince(process_, *began_);
    judged = !another || lives || catch_up.Now() > *began_ + kJudgeStartAfter;
    for (const ProjectConfig& project : config_.projects) {
      // SourceWatch knows what it missed of a self-hosted project.
      if (judged && !lives && !project.source) catch_up.Want(project.id, "no process of this bridge listened before this start");
    }
  }
  const bool taken_over = catch_up.AnotherServerTookOver();
  for (const ProjectConfig& project : config_.projects) {
    if (taken_over)
      catch_up.Want(project.id, "another database server took over, and may lack what the former one had", CatchUp::Extent::kAll);
  }
  const auto queued = catch_up.Queue(clock_.Now());
  transaction.Commit();
  start_judged_ = judged;
  if (taken_over) Log(LogLevel::kWarn, "database_server_changed", {{"swept", "every project"}});
  for (const CatchUp::Queued& one : queued)
    Log(LogLevel::kInfo, "catch_up_queued", {{"project", one.project.Text()}, {"run", one.run}, {"reason", one.reason}});
  if (!queued.empty() && queued_) queued_();
  return kBeat;
}

}  // namespace membridge::admin
