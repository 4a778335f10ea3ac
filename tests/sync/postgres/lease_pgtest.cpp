#include <optional>

#include "sync/postgres/lease.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::sync {

using namespace std::chrono_literals;

TEST_CASE("one of two processes gets a lease, and the other once it was given back", "[lease][pg]") {
  const test::PgDatabase db;
  postgres::Session one = db.Session();
  postgres::Session other = db.Session();
  {
    auto lease = Lease::Take(one, "webhooks crm", 60s);
    REQUIRE(lease);
    CHECK_FALSE(Lease::Take(other, "webhooks crm", 60s));
    CHECK(Lease::Take(other, "webhooks shop", 60s));
    const Lease moved = std::move(*lease);
    lease.reset();
    CHECK_FALSE(Lease::Take(other, "webhooks crm", 60s));
  }
  CHECK(Lease::Take(other, "webhooks crm", 60s));
  CHECK(db.Count("membridge.leases") == 0);
}

TEST_CASE("a lease whose holder is gone runs out, and the holder finds out", "[lease][pg]") {
  const test::PgDatabase db;
  postgres::Session one = db.Session();
  postgres::Session other = db.Session();
  auto lease = Lease::Take(one, "sweep", 60s);
  REQUIRE(lease);
  CHECK(lease->Renew(60s));
  db.Run("UPDATE membridge.leases SET held_until = clock_timestamp() - interval '1 second'");
  CHECK(lease->Renew(60s));  // late, but nobody else took it
  db.Run("UPDATE membridge.leases SET held_until = clock_timestamp() - interval '1 second'");
  const auto second = Lease::Take(other, "sweep", 60s);
  REQUIRE(second);
  CHECK_FALSE(lease->Renew(60s));
  lease.reset();
  CHECK(db.Count("membridge.leases") == 1);  // the late one did not take the other's away
}

TEST_CASE("a lease is free at once when the session of its holder is gone", "[lease][pg]") {
  const test::PgDatabase db;
  postgres::Session other = db.Session();
  std::optional<postgres::Session> one{db.Session()};
  auto lease = Lease::Take(*one, "sweep", 600s);
  REQUIRE(lease);
  CHECK_FALSE(Lease::Take(other, "sweep", 60s));
  db.Run("SELECT pg_terminate_backend($1::int, 10000)", {std::to_string(one->BackendPid())});
  const auto second = Lease::Take(other, "sweep", 60s);
  REQUIRE(second);
  CHECK_THROWS_AS(lease->Renew(60s), postgres::SqlFailure);
  // What an older binary holds has no session, or that of somebody before it, and runs out only.
  db.Run("UPDATE membridge.leases SET holder = gen_random_uuid(), session_pid = 1, session_began = '2000-01-01'");
  CHECK_FALSE(Lease::Take(other, "sweep", 60s));
}

}  // namespace membridge::sync
