// Operations that read the audit: changing calls and refused attempts.
#include "admin/access/audit.hpp"
#include "admin/access/audit_check.hpp"
#include "admin/api/context.hpp"
#include "admin/shown/views.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;

Answer ListAudit(Call& call) {
  AuditFilter filter{.actor = call.Query("actor"), .action = call.Query("action"), .outcome = call.Query("outcome")};
  const auto since = TimeIn(call.query, "since", call.now);
  const auto until = TimeIn(call.query, "until", call.now);
  if (!since) return tl::unexpected<Problem>(since.error());
  if (!until) return tl::unexpected<Problem>(until.error());
  filter.since = *since;
  filter.until = *until;
  sync::postgres::Transaction transaction = call.Begin();
  const auto page = Audit{transaction}.List(filter, call.query["limit"].get<std::size_t>(), call.Query("cursor"));
  if (!page) return Refuse(400, "bad_cursor", page.error().message, page.error().hint);
  return PageOf("entries", page->entries, page->next);
}

Answer Verify(Call& call) {
  std::optional<AuditAnchor> anchor;
  if (const auto head = call.Query("head")) {
    auto read = AuditAnchor::Read(*head);
    if (!read) return Refuse(400, "bad_request", read.error().message, read.error().hint);
    anchor = std::move(*read);
  }
  const AuditVerdict verdict = VerifyAudit(call.state, anchor);
  return ordered_json{{"intact", verdict.Intact()},
                      {"entries", verdict.entries},
                      {"sealed", verdict.sealed},
                      {"head", TextOrNull(verdict.head)},
                      {"broken_at", verdict.broken_at ? ordered_json(*verdict.broken_at) : ordered_json(nullptr)},
                      {"problem", TextOrNull(verdict.problem)}};
}

}  // namespace

void AddAuditCalls(Handlers& handlers, const Parts&) {
  handlers["listAudit"] = ListAudit;
  handlers["verifyAudit"] = Verify;
}

}  // namespace membridge::admin::api
