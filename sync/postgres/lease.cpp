#include "sync/postgres/lease.hpp"

#include <utility>

namespace membridge::sync {

namespace {

/// $3: the backend that the session believes to talk to. Behind a pooler it is another one, whose end says nothing of the holder.
/// Of another role's sessions the beginning is not shown: then the number alone counts.
constexpr const char* kTake = R"sql(
    INSERT INTO membridge.leases AS l (name, holder, held_until, session_of, session_pid, session_began)
    SELECT $1, h.id, clock_timestamp() + $2::bigint * interval '1 second', CASE WHEN a.pid = $3::int THEN h.id END, a.pid,
           a.backend_start
    FROM (SELECT gen_random_uuid() AS id) AS h LEFT JOIN pg_stat_get_activity(pg_backend_pid()) AS a ON true
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until, session_of = excluded.session_of,
      session_pid = excluded.session_pid, session_began = excluded.session_began
    WHERE l.held_until <= clock_timestamp()
       OR l.session_of = l.holder AND l.session_began IS NOT NULL AND NOT EXISTS (
            SELECT FROM pg_stat_activity AS s
            WHERE s.pid = l.session_pid AND (s.backend_start IS NULL OR s.backend_start = l.session_began))
    RETURNING holder)sql";

}  // namespace

std::optional<Lease> Lease::Take(postgres::Session& session, const std::string& name, std::chrono::seconds time) {
  const postgres::Rows rows = session.Run(kTake, {name, std::to_string(time.count()), std::to_string(session.BackendPid())});
  if (rows.empty()) return std::nullopt;
  return Lease{session, name, std::string{rows.Text(0, 0)}};
}

Lease::Lease(postgres::Session& session, std::string name, std::string holder)
    : session_(&session), name_(std::move(name)), holder_(std::move(holder)) {}

Lease::Lease(Lease&& other) noexcept
    : session_(std::exchange(other.session_, nullptr)), name_(std::move(other.name_)), holder_(std::move(other.holder_)) {}

Lease::~Lease() {
  if (session_ == nullptr || !session_->Usable()) return;
  try {
    session_->Run("DELETE FROM membridge.leases WHERE name = $1 AND holder = $2::uuid", {name_, holder_});
  } catch (const postgres::SqlFailure&) {
    // It runs out by itself.
  }
}

bool Lease::Renew(std::chrono::seconds time) {
  const postgres::Rows rows = session_->Run(
      "UPDATE membridge.leases SET held_until = clock_timestamp() + $3::bigint * interval '1 second' WHERE name = $1 AND holder "
      "= $2::uuid",
      {name_, holder_, std::to_string(time.count())});
  return rows.Affected() == 1;
}

}  // namespace membridge::sync
