#include "admin/access/audit.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/access/audit_check.hpp"
#include "admin/commands/command.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/shown/filters.hpp"
#include "admin/shown/table.hpp"
#include "admin/shown/views.hpp"

namespace membridge::admin {
namespace {

using sync::postgres::Session;

struct AuditOptions {
  std::shared_ptr<CommonOptions> common;
  std::string actor, action, outcome, since, cursor, head;
  std::size_t limit = 50;
};

int ListAudit(const AuditOptions& options, Session& session, Console& console) {
  AuditFilter filter{Given(options.actor), Given(options.action), Given(options.outcome)};
  if (!options.since.empty()) {
    filter.since = ParseWhen(options.since, SystemClock{}.Now());
    if (!filter.since)
      return PrintUsageError({ErrorCode::kRefused, fmt::format("--since: \"{}\" is no time", options.since),
                              "write 2026-03-01, 2026-03-01T09:00:00Z, or an age such as 2h"},
                             console);
  }
  sync::postgres::Transaction transaction = session.Begin();
  const auto page = Audit{transaction}.List(filter, options.limit, Given(options.cursor));
  if (!page) return PrintUsageError(page.error(), console);
  if (options.common->json) {
    fmt::print(console.out, "{}\n", PageOf("entries", page->entries, page->next).dump(2));
    return kDone;
  }
  const Instant now = SystemClock{}.Now();
  TextTable table{{"ENTRY", "AT", "ACTOR", "FROM", "OUTCOME", "ACTION", "OBJECT", "DETAIL"}};
  for (const AuditRecord& record : page->entries) {
    const AuditEntry& entry = record.entry;
    table.Add({std::to_string(record.number), WithAge(record.at, now), entry.actor, entry.source,
               std::string{NameOf(entry.outcome)}, entry.action, entry.object, entry.detail.dump()});
  }
  fmt::print(console.out, "{}", table.Empty() ? "the audit has no entry that fits\n" : table.Text(console.coloured));
  if (page->next) fmt::print(console.err, "more: --cursor {}\n", *page->next);
  return kDone;
}

int Verify(const AuditOptions& options, Session& session, Console& console) {
  std::optional<AuditAnchor> anchor;
  if (!options.head.empty()) {
    auto read = AuditAnchor::Read(options.head);
    if (!read) return PrintUsageError(read.error(), console);
    anchor = std::move(*read);
  }
  const AuditVerdict verdict = VerifyAudit(session, anchor);
  if (options.common->json) {
    nlohmann::ordered_json json{{"intact", verdict.Intact()}, {"entries", verdict.entries}, {"sealed", verdict.sealed},
                                {"head", verdict.head},       {"broken_at", nullptr},       {"problem", nullptr}};
    if (verdict.broken_at) json["broken_at"] = *verdict.broken_at;
    if (!verdict.Intact()) json["problem"] = verdict.problem;
    fmt::print(console.out, "{}\n", json.dump(2));
  } else if (verdict.Intact()) {
    fmt::print(console.out, "intact: {}, {} sealed{}\n", Counted(static_cast<std::size_t>(verdict.entries), "entry", "entries"),
               verdict.sealed, verdict.head.empty() ? "" : fmt::format(", the newest is {}:{}", verdict.entries, verdict.head));
  } else {
    fmt::print(console.out, "broken: {}\n", verdict.problem);
  }
  return verdict.Intact() ? kDone : kFoundProblems;
}

}  // namespace

void AddAudit(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("audit", "What operators did and tried, by commands, API and page");
  group->require_subcommand(1);

  auto list_options = std::make_shared<AuditOptions>();
  CLI::App* list = group->add_subcommand("list", "Entries, newest first");
  list_options->common = AddConfigAndJsonOptions(*list);
  list->add_option("--actor", list_options->actor, "Only by config:NAME, token:NAME, cli:USER or anonymous");
  list->add_option("--action", list_options->action, "Only this, as in parked.retry");
  list->add_option("--outcome", list_options->outcome, "done, refused or failed")
      ->check(CLI::IsMember({"done", "refused", "failed"}));
  list->add_option("--since", list_options->since, "Then or later: a time, a day, or an age such as 2h");
  list->add_option("--limit", list_options->limit, "At most so many")->check(CLI::Range(1, 1000))->capture_default_str();
  list->add_option("--cursor", list_options->cursor, "Go on where a list ended");
  list->callback([=, &choice] { choice = OnState(list_options, ListAudit); });

  auto verify_options = std::make_shared<AuditOptions>();
  CLI::App* verify = group->add_subcommand("verify", "Check the chain of hashes and seals from the first entry on");
  verify_options->common = AddConfigAndJsonOptions(*verify);
  verify->add_option("--head", verify_options->head,
                     "NUMBER:HASH that an earlier verify or the log's audit_grew told: it must still be in the chain");
  verify->callback([=, &choice] { choice = OnState(verify_options, Verify); });
}

}  // namespace membridge::admin
