#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// The right to do something that one process does at a time, as a row that runs out when its holder dies. It is a promise of
/// good order and not of exclusion: a holder that slept past its end finds out at Renew(), so what is done under a lease must be
/// harmless when done twice. For one thread; the functions throw postgres::SqlFailure, times are the database's clock.
class Lease {
 public:
  /// The lease of that name for `time`; nothing while another holds it.
  static std::optional<Lease> Take(postgres::Session& session, const std::string& name, std::chrono::seconds time);
  /// Gives it back; when the database cannot be asked it runs out by itself.
  ~Lease();
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&&) = delete;

  /// Holds it for `time` from now on; false when it ran out and another took it.
  bool Renew(std::chrono::seconds time);

 private:
  Lease(postgres::Session& session, std::string name, std::string holder);
  postgres::Session* session_;  // outlives the lease; nullptr when moved from
  std::string name_;
  std::string holder_;
};

}  // namespace membridge::sync
