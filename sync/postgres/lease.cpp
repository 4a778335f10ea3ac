#include "sync/postgres/lease.hpp"

#include <utility>

namespace membridge::sync {

std::optional<Lease> Lease::Take(postgres::Session& session, const std::string& name, std::chrono::seconds time) {
  const postgres::Rows rows = session.Run(
      "INSERT INTO membridge.leases AS l (name, holder, held_until) "
      "VALUES ($1, gen_random_uuid(), clock_timestamp() + $2::bigint * interval '1 second') "
      "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until WHERE l.held_until <= "
      "clock_timestamp() "
      "RETURNING holder",
      {name, std::to_string(time.count())});
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
