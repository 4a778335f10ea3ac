#include "admin/access/audit_check.hpp"
#include "admin/access/audit_seals.hpp"
#include "admin/serve/audit_watch.hpp"
#include "tests/support/bridge.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/postgres.hpp"

using namespace membridge;
using namespace membridge::admin;

TEST_CASE("a start seals the chain of the audit, and the metrics tell how many entries there are", "[serve][audit][pg]") {
  const test::PgDatabase db;
  auto session = db.Session();
  AppendToAudit(session, {.actor = "cli:ada", .source = "local", .action = "parked.retry"});
  SealAuditWith(std::make_shared<const AuditKeys>(AuditKeys::Read("k1 " + std::string(64, 'a')).value()));
  Metrics metrics;
  {
    const AuditWatch watch{db.Dsn(), metrics};
    CHECK(test::WaitUntil([&] { return metrics.Text().find("\nmembridge_audit_entries 2\n") != std::string::npos; }));
    metrics.Forget();
  }
  CHECK(VerifyAudit(session).problem.empty());
  CHECK(VerifyAudit(session).sealed == 1);
  SealAuditWith(nullptr);
}
