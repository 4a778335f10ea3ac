#include "admin/api/call_session.hpp"

namespace membridge::admin::api {
namespace {

/// Longer than any page an operator waits for, short enough that a hopeless search or a lock does not keep a thread.
constexpr const char* kCallSettings =
    "SELECT pg_catalog.set_config('statement_timeout', '15s', false), pg_catalog.set_config('lock_timeout', '2s', false)";

}  // namespace

sync::postgres::Session OpenCallSession(const std::string& dsn) {
  sync::postgres::Session session{dsn, "membridge admin"};
  session.Run(kCallSettings);
  return session;
}

}  // namespace membridge::admin::api
