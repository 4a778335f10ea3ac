#include "sync/postgres/kept_session.hpp"

#include <utility>

namespace membridge::sync::postgres {

KeptSession::KeptSession(std::string dsn, std::string application_name)
    : open_([dsn = std::move(dsn), name = std::move(application_name)] {
        return Session{dsn, name};
      }) {}

KeptSession::KeptSession(Open open) : open_(std::move(open)) {}

Session& KeptSession::Get() {
  // Closed before the next one is opened: the server must not count both.
  if (IsBroken()) session_.reset();
  if (!session_) session_.emplace(open_());
  return *session_;
}

}  // namespace membridge::sync::postgres
