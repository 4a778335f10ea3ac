#include "admin/api/call_session.hpp"

namespace membridge::admin::api {
namespace {

/// Long enough for every page that an operator waits for, and short enough that an endless search or a lock does not block a
/// thread.
constexpr const char* kStatementTimeout = "15s";
constexpr const char* kLockTimeout = "2s";

}  // namespace

sync::postgres::Session OpenCallSession(const std::string& dsn, sync::postgres::SearchPath path) {
  sync::postgres::Session session{dsn, "membridge admin", path};
  session.Set("statement_timeout", kStatementTimeout);
  session.Set("lock_timeout", kLockTimeout);
  return session;
}

}  // namespace membridge::admin::api
