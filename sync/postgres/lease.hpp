#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Lets one process at a time do something. The lease is a row with an end time and the session of its holder. It is free when
/// that session is gone, at once when its holder was killed, or when its time is up; behind a pooler only then. It does not
/// guarantee exclusion: a holder that slept past the end learns so only at Renew(). Work done under a lease must therefore be
/// harmless when done twice. For one thread. Functions throw postgres::SqlFailure; times are by the database's clock.
class Lease {
 public:
  /// Takes the lease of that name for `time`. Returns nothing while another process holds it.
  static std::optional<Lease> Take(postgres::Session& session, const std::string& name, std::chrono::seconds time);
  /// Gives the lease back. When the database cannot be reached, the lease runs out by itself.
  ~Lease();
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&&) = delete;

  /// Extends the lease to `time` from now. Returns false when it ran out and another process took it.
  bool Renew(std::chrono::seconds time);

 private:
  Lease(postgres::Session& session, std::string name, std::string holder);
  postgres::Session* session_;  // outlives the lease; nullptr when moved from
  std::string name_;
  std::string holder_;
};

}  // namespace membridge::sync
