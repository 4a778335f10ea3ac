#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <thread>

#include "admin/commands/command.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/runtime/http_look.hpp"
#include "admin/shown/progress.hpp"
#include "admin/shown/table.hpp"
#include "mappings/base/version.hpp"
#include "sync/explain/kept.hpp"
#include "sync/postgres/column.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/blocked.hpp"
#include "sync/source/source_state.hpp"
#include "sync/worker/history.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;
using nlohmann::ordered_json;
using sync::postgres::Rows;
using sync::postgres::Session;

struct StatusOptions {
  std::shared_ptr<CommonOptions> common;
  bool watch = false;
};

constexpr std::chrono::seconds kWatchEvery{2};
volatile std::sig_atomic_t watch_interrupted = 0;

std::string AdminUrl(const Config& config, const char* path) {
  return fmt::format("http://{}:{}{}", config.admin_listen.host, config.admin_listen.port, path);
}

/// Returns what the running process reports about itself; null when there is no answer.
ordered_json AskProcess(const Config& config) {
  const HttpLook look = LookAt(AdminUrl(config, "/readyz"), 2s);
  if (look.status == 0) return nullptr;
  auto body = ordered_json::parse(look.body, nullptr, false);
  return body.is_object() ? body : ordered_json(nullptr);
}

ordered_json SweepsOf(Session& session) {
  const Rows rows = session.Run(
      "SELECT DISTINCT ON (project, name) project, name, kind, state, finished_at, counters FROM membridge.backfill_runs "
      "WHERE finished_at IS NOT NULL ORDER BY project, name, finished_at DESC");
  ordered_json sweeps = ordered_json::array();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto counters = nlohmann::json::parse(rows.Text(row, 5), nullptr, false);
    std::int64_t repaired = 0;
    for (const char* name : {"repaired_added", "repaired_updated", "repaired_deleted"})
      repaired += counters.is_object() ? counters.value(name, std::int64_t{0}) : 0;
    sweeps.push_back({{"project", rows.Text(row, 0)},
                      {"name", rows.Text(row, 1)},
                      {"kind", rows.Text(row, 2)},
                      {"state", rows.Text(row, 3)},
                      {"finished_at", FormatRfc3339(sync::postgres::TimeAt(rows, row, 4))},
                      {"repaired", repaired}});
  }
  return sweeps;
}

ordered_json WebhooksOf(const Config& config, Session& session) {
  ordered_json webhooks = ordered_json::array();
  for (const ProjectConfig& project : config.projects) {
    if (project.source) continue;
    const Rows rows = session.Run(
        "SELECT (SELECT count(*) FROM membridge.webhooks WHERE project = $1), "
        "(SELECT max(last_used) FROM membridge.tokens WHERE project = $1)",
        {project.id.Text()});
    webhooks.push_back({{"project", project.id.Text()},
                        {"registered", rows.Int(0, 0)},
                        {"last_used", rows.IsNull(0, 1) ? ordered_json(nullptr)
                                                        : ordered_json(FormatRfc3339(sync::postgres::TimeAt(rows, 0, 1)))}});
  }
  return webhooks;
}

/// Returns how long deliveries took to become rows within the last hour, in all processes.
ordered_json LagIn(Session& session) {
  sync::postgres::Transaction transaction = session.Begin();
  const Instant now = SystemClock{}.Now();
  sync::HistoryStep whole;
  for (const auto& step : sync::History{transaction}.Since(now - std::chrono::hours{1}, now, sync::History::kStep))
    whole.Add(step);
  const auto quantile = [&](double share) {
    const auto seconds = whole.lags.Quantile(share);
    return seconds ? ordered_json(*seconds) : ordered_json(nullptr);
  };
  return {{"memories", whole.lags.Total()}, {"p50_seconds", quantile(0.5)}, {"p95_seconds", quantile(0.95)}};
}

/// Returns the calls a second that Mem0 allows the running process, by project; empty when there is no answer.
ordered_json BudgetsOf(const Config& config) {
  ordered_json budgets = ordered_json::array();
  const HttpLook look = LookAt(AdminUrl(config, "/metrics"), 2s);
  std::istringstream lines{look.status == 200 ? look.body : ""};
  constexpr std::string_view kName = "membridge_mem0_budget_calls_per_second{";
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(kName, 0) != 0) continue;
    const std::size_t from = line.find("project=\"");
    const std::size_t to = from == std::string::npos ? from : line.find('"', from + 9);
    const std::size_t value = line.rfind(' ');
    if (to == std::string::npos || value == std::string::npos) continue;
    budgets.push_back(
        {{"project", line.substr(from + 9, to - from - 9)}, {"calls_per_second", std::stod(line.substr(value + 1))}});
  }
  return budgets;
}

/// Returns how the changes of self-hosted projects are found, as the process that looks for them told last.
ordered_json SourcesOf(const Config& config, Session& session) {
  ordered_json sources = ordered_json::array();
  for (const ProjectConfig& project : config.projects) {
    if (!project.source) continue;
    sync::postgres::Transaction transaction = session.Begin();
    const auto view = sync::source::SourceState{transaction}.View(project.id);
    sources.push_back({{"project", project.id.Text()},
                       {"table", project.source->table},
                       {"mode", view ? view->mode : "unknown"},
                       {"message", view ? view->message : ""},
                       {"hint", view ? view->hint : ""}});
  }
  return sources;
}

sync::BlockedSum BlockedIn(Session& session) {
  sync::postgres::Transaction transaction = session.Begin();
  return sync::SumBlocked(transaction);
}

/// Returns the number of cells where a memory and a person disagree, over all targets; null while one is away.
ordered_json KeptIn(const Config& config, Session& session) {
  std::int64_t cells = 0;
  std::set<std::string> counted;  // two targets may be in one database with one ledger
  for (const TargetConfig& target : config.targets) {
    if (!counted.insert(target.dsn.value_or("")).second) continue;
    try {
      std::optional<Session> elsewhere;
      if (target.dsn) elsewhere.emplace(*target.dsn, "membridge status");
      sync::postgres::Transaction transaction = (elsewhere ? *elsewhere : session).Begin();
      cells += sync::CountKept(transaction);
    } catch (const sync::postgres::SqlFailure&) {
      return nullptr;
    }
  }
  return cells;
}

ordered_json ReadStatus(const Config& config, Session& session) {
  const ordered_json process = AskProcess(config);
  const std::string state = process.is_null()                  ? "not running"
                            : !process.value("ready", false)   ? "not ready"
                            : process.value("degraded", false) ? "degraded"
                                                               : "ready";
  const Rows rows = session.Run(
      "SELECT count(*), coalesce(greatest(0, extract(epoch FROM clock_timestamp() - min(due_at))), 0), clock_timestamp(), "
      "(SELECT count(*) FROM (SELECT DISTINCT project, memory_id FROM membridge.parked) AS parked), "
      "(SELECT count(*) FROM membridge.memories WHERE gone_at IS NULL), "
      "(SELECT max(received_at) FROM membridge.deliveries WHERE received_at > clock_timestamp() - interval '2 days') "
      "FROM membridge.dirty");
  const sync::BlockedSum blocked = BlockedIn(session);
  return {{"version", kVersion},
          {"state", state},
          {"reasons", process.is_null() ? ordered_json::array() : process.value("reasons", ordered_json::array())},
          {"now", FormatRfc3339(sync::postgres::TimeAt(rows, 0, 2))},
          {"memories", rows.Int(0, 4)},
          {"to_be_read", rows.Int(0, 0)},
          {"oldest_due_seconds", std::stod(std::string{rows.Text(0, 1)})},
          {"lag", LagIn(session)},
          {"mem0", process.is_null() ? ordered_json::array() : BudgetsOf(config)},
          {"blocked", blocked.memories},
          {"blocked_oldest_seconds", blocked.oldest.count()},
          {"parked", rows.Int(0, 3)},
          {"kept", KeptIn(config, session)},
          {"last_delivery",
           rows.IsNull(0, 5) ? ordered_json(nullptr) : ordered_json(FormatRfc3339(sync::postgres::TimeAt(rows, 0, 5)))},
          {"webhooks", WebhooksOf(config, session)},
          {"sources", SourcesOf(config, session)},
          {"backfills", SweepsOf(session)}};
}

std::string Ago(const ordered_json& time, Instant now, std::string otherwise) {
  if (time.is_null()) return otherwise;
  const auto instant = ParseRfc3339(time.get<std::string>());
  return instant ? AgeOf(*instant, now) : otherwise;
}

/// `0.35 s`, `12 s`, `3 min 20 s`
std::string SecondsText(double seconds) {
  return seconds < 10 ? fmt::format("{:.2g} s", seconds) : TextOf(std::chrono::seconds{static_cast<std::int64_t>(seconds)});
}

std::string LagText(const ordered_json& lag) {
  if (lag.at("memories") == 0) return "lag            no delivery changed a row in the last hour\n";
  return fmt::format("lag            delivery to row in the last hour: half within {}, 95 of 100 within {}\n",
                     SecondsText(lag.at("p50_seconds").get<double>()), SecondsText(lag.at("p95_seconds").get<double>()));
}

std::string StatusText(const ordered_json& status, bool coloured) {
  const Instant now = ParseRfc3339(status.at("now").get<std::string>()).value_or(Instant{});
  const std::string state = status.at("state");
  const Tone tone = state == "ready" ? Tone::kGood : state == "degraded" ? Tone::kNote : Tone::kBad;
  std::string text = fmt::format("membridge {}  {}\n", kVersion, Toned(state, tone, coloured));
  for (const auto& reason : status.at("reasons"))
    text += fmt::format("  {}: {}, first seen {}\n      {}\n", reason.value("reason", ""), reason.value("message", ""),
                        Ago(reason.value("since", ordered_json(nullptr)), now, "just now"), reason.value("hint", ""));
  const auto waiting = status.at("to_be_read").get<std::size_t>();
  const auto parked = status.at("parked").get<std::size_t>();
  text += fmt::format("\nmemories       {} known\n", status.at("memories").get<std::int64_t>());
  text +=
      "queue          " +
      (waiting == 0
           ? std::string{"every memory has been read\n"}
           : fmt::format("{} to be read, the oldest due for {}\n", Counted(waiting, "memory", "memories"),
                         TextOf(std::chrono::seconds{static_cast<std::int64_t>(status.at("oldest_due_seconds").get<double>())})));
  text += LagText(status.at("lag"));
  if (const auto blocked = status.at("blocked").get<std::size_t>(); blocked > 0) {
    const std::chrono::seconds oldest{static_cast<std::int64_t>(status.at("blocked_oldest_seconds").get<double>())};
    text += fmt::format("blocked        {} by another session's locks, for {}; membridge parked list --blocked\n",
                        Counted(blocked, "memory", "memories"), TextOf(oldest));
  }
  text += "parked         " + (parked == 0 ? std::string{"nothing\n"}
                                           : fmt::format("{}; membridge parked list\n", Counted(parked, "memory", "memories")));
  const ordered_json& kept = status.at("kept");
  text += "disagreements  " +
          (kept.is_null() ? std::string{"not known: a target is away\n"}
           : kept == 0    ? std::string{"none between memories and people\n"}
                       : fmt::format("{} to decide; membridge kept list\n", Counted(kept.get<std::size_t>(), "cell", "cells")));
  text += fmt::format("last delivery  {}\n", Ago(status.at("last_delivery"), now, "none in the last two days"));
  for (const auto& webhook : status.at("webhooks")) {
    const bool registered = webhook.at("registered").get<std::int64_t>() > 0;
    const bool used = !webhook.at("last_used").is_null();
    text += fmt::format("webhook        {}: {}{}\n", webhook.at("project").get<std::string>(),
                        registered ? "registered by this bridge" : "none registered by this bridge",
                        used         ? ", last used " + Ago(webhook.at("last_used"), now, "")
                        : registered ? ", not used yet"
                                     : "");
  }
  for (const auto& budget : status.at("mem0"))
    text += fmt::format("Mem0           {}: {:.4g} calls a second allowed\n", budget.at("project").get<std::string>(),
                        budget.at("calls_per_second").get<double>());
  for (const auto& source : status.at("sources")) {
    const std::string mode = source.at("mode");
    const std::string message = source.at("message");
    text += fmt::format("source         {}: {}{}{}\n", source.at("project").get<std::string>(),
                        mode == "live"      ? "changes are noted as they happen"
                        : mode == "polling" ? "changes are found by polling"
                                            : mode,
                        message.empty() ? "" : "; ", message);
  }
  if (status.at("backfills").empty()) return text + "backfills      none has finished yet\n";
  TextTable table{{"BACKFILL", "PROJECT", "KIND", "OUTCOME", "REPAIRED", "FINISHED"}};
  for (const auto& run : status.at("backfills"))
    table.Add({run.at("name"), run.at("project"), run.at("kind"), run.at("state"),
               std::to_string(run.at("repaired").get<std::int64_t>()), Ago(run.at("finished_at"), now, "-")});
  return text + "\n" + table.Text(coloured);
}

int ShowStatus(const StatusOptions& options, const Config& config, Session& session, Console& console) {
  std::signal(SIGINT, [](int) { watch_interrupted = 1; });
  while (true) {
    const ordered_json status = ReadStatus(config, session);
    if (options.common->json) {
      fmt::print(console.out, "{}\n", status.dump(options.watch ? -1 : 2));
    } else {
      if (options.watch && console.coloured) fmt::print(console.out, "\x1b[H\x1b[2J");
      fmt::print(console.out, "{}", StatusText(status, console.coloured));
    }
    console.out.flush();
    if (!options.watch) return status.at("state") == "ready" ? kDone : kFoundProblems;
    for (auto left = kWatchEvery * 10; left.count() > 0 && watch_interrupted == 0; left -= 1s) std::this_thread::sleep_for(100ms);
    if (watch_interrupted != 0 || !console.out) return kDone;
  }
}

}  // namespace

void AddStatus(CLI::App& app, Choice& choice) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command = app.add_subcommand("status", "One screen: ready or why not, queue, parked, webhook, last backfills");
  options->common = AddConfigAndJsonOptions(*command);
  command->add_flag("--watch", options->watch, "Look again every two seconds, until Ctrl-C");
  command->callback([=, &choice] { choice = OnState(options, ShowStatus); });
}

}  // namespace membridge::admin
