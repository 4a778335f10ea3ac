#include <fmt/format.h>
#include <fmt/ostream.h>
#include <sys/statvfs.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <utility>

#include "admin/commands/command.hpp"
#include "admin/mapping_files/configured_mappings.hpp"
#include "admin/mapping_files/target_catalogs.hpp"
#include "admin/runtime/canary_check.hpp"
#include "admin/runtime/http_look.hpp"
#include "admin/runtime/ledgers.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "admin/runtime/surroundings.hpp"
#include "admin/shown/table.hpp"
#include "admin/webhooks/registrar.hpp"
#include "admin/webhooks/webhooks.hpp"
#include "mappings/base/version.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

using PreconditionState = Precondition::State;
using Findings = std::vector<Precondition>;
using namespace std::chrono_literals;

constexpr double kLeastDiskGiB = 1;
constexpr std::chrono::seconds kClockMayDiffer = 5s;

Precondition Fine(std::string what, std::string message) {
  return {std::move(what), {}, PreconditionState::kFine, std::move(message), {}};
}

/// Checks mapping files against their tables. Every problem is a finding of its own.
void LookAtMappings(const Config& config, const Databases& databases, Findings& found) {
  mappings::Diagnostics problems;
  const auto configured = LoadMappings(config, problems);
  const auto catalogs = ReadCatalogs(config, databases, configured);
  if (!catalogs) {
    found.push_back({"tables", {}, PreconditionState::kMissing, catalogs.error().message, catalogs.error().hint});
    return;
  }
  CheckMappings(configured, *catalogs, problems);
  for (const auto& problem : problems.Sorted()) {
    const bool error = problem.severity == mappings::Severity::kError;
    found.push_back(
        {"mappings", problem.place, error ? PreconditionState::kMissing : PreconditionState::kNote, problem.Text(), {}});
  }
  if (!problems.HasErrors())
    found.push_back(Fine("mappings", fmt::format("{} and their tables fit", Counted(configured.size(), "mapping", "mappings"))));
}

/// Checks the server's clock, and the settings that decide whether an acknowledged delivery survives a crash.
void LookAtServer(const Databases& databases, Findings& found) {
  try {
    sync::postgres::Session session{databases.StateDsn(), "membridge doctor"};
    const auto row = session.Run(
        "SELECT pg_catalog.current_setting('fsync'), pg_catalog.current_setting('full_page_writes'), "
        "pg_catalog.current_setting('synchronous_commit'), pg_catalog.current_setting('max_connections')::int, "
        "(SELECT count(*) FROM pg_catalog.pg_stat_activity), extract(epoch FROM clock_timestamp())");
    for (const auto& [column, name] : {std::pair{0U, "fsync"}, {1U, "full_page_writes"}, {2U, "synchronous_commit"}}) {
      if (row.Text(0, column) != "off") continue;
      found.push_back({"server settings",
                       {},
                       PreconditionState::kMissing,
                       fmt::format("{} is off: an acknowledged delivery may be lost in a crash", name),
                       fmt::format("switch {} on in postgresql.conf", name)});
    }
    const auto left = row.Int(0, 3) - row.Int(0, 4);
    if (left < 10)
      found.push_back({"server settings",
                       {},
                       PreconditionState::kNote,
                       fmt::format("only {} connections are left", left),
                       "raise max_connections, or put a connection pooler in between"});
    const double there = std::stod(std::string{row.Text(0, 5)});
    const double here = std::chrono::duration<double>(SystemClock{}.Now().time_since_epoch()).count();
    if (std::abs(here - there) > std::chrono::duration<double>(kClockMayDiffer).count())
      found.push_back({"clock",
                       {},
                       PreconditionState::kMissing,
                       fmt::format("the clocks of this machine and the database differ by {:.0f} s", std::abs(here - there)),
                       "synchronise both with NTP"});
    else
      found.push_back(Fine("clock", "the clocks of this machine and the database agree"));
    const bool is_durable = std::none_of(found.begin(), found.end(), [](const auto& each) {
      return each.what == "server settings" && each.state == PreconditionState::kMissing;
    });
    if (is_durable) found.push_back(Fine("server settings", "commits are durable"));
  } catch (const sync::postgres::SqlFailure& failure) {
    const Error error = failure.AsError("the state database");
    found.push_back({"server settings", {}, PreconditionState::kMissing, error.message, error.hint});
  }
}

void LookAtWebhook(const ProjectConfig& project, const Databases& databases, bool with_canary, Findings& found) {
  if (project.source) return;  // LookAtMem0 tells how its changes are found
  const std::string what = fmt::format("webhook {}", project.id.Text());
  if (project.webhook.public_url.empty()) {
    found.push_back({what,
                     {},
                     PreconditionState::kNote,
                     "no webhook.public_url is configured: deliveries cannot come, only sweeps find changes",
                     "set webhook.public_url to the address at which Mem0 reaches `listen`"});
    return;
  }
  const HttpLook look = LookAt(project.webhook.public_url + "/healthz", 5s);
  if (look.status == 200)
    found.push_back(Fine(what, fmt::format("{} answers, as seen from here", project.webhook.public_url)));
  else
    found.push_back({what,
                     {},
                     PreconditionState::kMissing,
                     fmt::format("{}/healthz {}", project.webhook.public_url,
                                 look.status == 0 ? "cannot be reached: " + look.error : fmt::format("answers {}", look.status)),
                     "start membridge serve, and lead public_url to `listen` through a proxy or a tunnel"});
  try {
    sync::postgres::Session session{databases.StateDsn(), "membridge doctor"};
    sync::mem0::Client client = ClientForCommand(project, session, 1, 10s);
    const auto survey = SurveyWebhooks(client, session, DesiredOf(project));
    if (!survey) {
      found.push_back({what, {}, PreconditionState::kMissing, survey.error().message, survey.error().hint});
    } else if (survey->plan.Changes()) {
      std::vector<std::string> steps;
      for (const WebhookStep& step : survey->plan.steps) {
        if (step.kind != WebhookStep::Kind::kKeep) steps.push_back(Describe(step));
      }
      found.push_back(
          {what,
           {},
           PreconditionState::kMissing,
           fmt::format("the registration at Mem0 is not as configured: {}", fmt::join(steps, "; ")),
           project.webhook.manage ? "start membridge serve, or run membridge webhooks apply" : "run membridge webhooks apply"});
    } else {
      found.push_back(Fine(what, "registered at Mem0 as configured"));
      if (with_canary && look.status == 200) found.push_back(LookAtCanary(project, session));
    }
  } catch (const sync::postgres::SqlFailure&) {
    // The database has problems, which are in the list already.
  }
}

void LookAtDisk(const Config& config, Findings& found) {
  struct statvfs disk {};
  if (config.database || statvfs(config.state_dir.c_str(), &disk) != 0) return;
  const double left = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize) / (1024.0 * 1024.0 * 1024.0);
  if (left < kLeastDiskGiB)
    found.push_back({"disk",
                     {},
                     PreconditionState::kMissing,
                     fmt::format("{:.1f} GiB are left for the embedded database", left),
                     "make room, or move state_dir"});
  else
    found.push_back(Fine("disk", fmt::format("{:.1f} GiB are left for the embedded database", left)));
}

void LookAtProcess(const Config& config, Findings& found) {
  const std::string address = fmt::format("{}:{}", config.admin_listen.host, config.admin_listen.port);
  const HttpLook look = LookAt(fmt::format("http://{}/readyz", address), 2s);
  if (look.status == 0) {
    found.push_back(
        {"serve", {}, PreconditionState::kNote, fmt::format("nothing answers on {}", address), "start membridge serve"});
    return;
  }
  const auto body = nlohmann::json::parse(look.body, nullptr, false);
  if (look.status != 200 || !body.is_object()) {
    found.push_back({"serve",
                     {},
                     PreconditionState::kMissing,
                     fmt::format("{}/readyz answers {}", address, look.status),
                     "read its `checks`: deliveries cannot be stored"});
    return;
  }
  for (const auto& reason : body.value("reasons", nlohmann::json::array()))
    found.push_back({"serve", {}, PreconditionState::kMissing, reason.value("message", ""), reason.value("hint", "")});
  if (!body.value("degraded", false)) found.push_back(Fine("serve", fmt::format("answers on {} and is ready", address)));
}

Findings Examine(const Config& config, bool with_canary) {
  Findings found{Fine("version", fmt::format("membridge {}", kVersion))};
  const auto append = [&](Findings more) { std::move(more.begin(), more.end(), std::back_inserter(found)); };
  auto databases = Databases::Open(config, Databases::Use::kCommand);
  append(LookAtMem0(config, databases ? &*databases : nullptr));
  if (!databases) {
    found.push_back(
        {"database", config.database_place, PreconditionState::kMissing, databases.error().message, databases.error().hint});
    return found;
  }
  Findings around = LookAtDatabases(config, *databases);
  const bool usable =
      std::none_of(around.begin(), around.end(), [](const auto& one) { return one.state == PreconditionState::kMissing; });
  append(std::move(around));
  if (usable) {
    append(ForeignLedgers(config, *databases));
    LookAtServer(*databases, found);
    LookAtMappings(config, *databases, found);
    const auto pending = PendingOfAll(config, *databases);
    if (pending && pending->empty()) {
      for (const ProjectConfig& project : config.projects) LookAtWebhook(project, *databases, with_canary, found);
    }
  }
  LookAtDisk(config, found);
  LookAtProcess(config, found);
  return found;
}

int RunDoctor(const CommonOptions& options, bool with_canary, Console& console) {
  const auto config = ConfigOrProblems(options.config, console);
  if (!config) return kBadUsage;
  const Findings found = Examine(*config, with_canary);
  const auto missing = static_cast<std::size_t>(
      std::count_if(found.begin(), found.end(), [](const auto& one) { return one.state == PreconditionState::kMissing; }));
  const auto word = [](PreconditionState state) {
    return state == PreconditionState::kFine ? "ok" : state == PreconditionState::kNote ? "note" : "fix this";
  };
  if (options.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const auto& one : found)
      list.push_back({{"check", one.what}, {"state", word(one.state)}, {"message", one.message}, {"hint", one.hint}});
    fmt::print(console.out, "{}\n", nlohmann::ordered_json{{"ok", missing == 0}, {"checks", std::move(list)}}.dump(2));
    return missing == 0 ? kDone : kFoundProblems;
  }
  for (const auto& one : found) {
    const Tone tone = one.state == PreconditionState::kFine   ? Tone::kGood
                      : one.state == PreconditionState::kNote ? Tone::kNote
                                                              : Tone::kBad;
    fmt::print(console.out, "{}  {}: {}\n", Toned(fmt::format("{:<8}", word(one.state)), tone, console.coloured), one.what,
               one.message);
    if (!one.hint.empty()) fmt::print(console.out, "          {}\n", one.hint);
  }
  if (missing == 0)
    fmt::print(console.out, "every precondition holds\n");
  else
    fmt::print(console.out, "{} to fix\n", Counted(missing, "thing", "things"));
  return missing == 0 ? kDone : kFoundProblems;
}

}  // namespace

void AddDoctor(CLI::App& app, Choice& choice) {
  CLI::App* command = app.add_subcommand(
      "doctor",
      "Look at every precondition: databases, rights, settings, Mem0, webhook, the way from Mem0, clock, disk, process");
  const auto options = AddConfigAndJsonOptions(*command);
  auto without_canary = std::make_shared<bool>(false);
  command->add_flag("--no-canary", *without_canary,
                    "Write no test memory at Mem0. Without this, where a webhook is registered, one is written, its delivery is "
                    "awaited, and it is removed");
  command->callback([options, without_canary, &choice] {
    choice = [options, without_canary](Console& console) { return RunDoctor(*options, !*without_canary, console); };
  });
}

}  // namespace membridge::admin
