#include "sync/postgres/poolers.hpp"

#include <mutex>
#include <utility>

namespace membridge::sync::postgres {
namespace {

struct DeclaredPoolers {
  std::mutex mutex;
  std::set<std::string> dsns;  // guarded by mutex
};

DeclaredPoolers& Declared() {
  static DeclaredPoolers declared;
  return declared;
}

constexpr const char* kServing = "SELECT pg_catalog.pg_backend_pid()";

}  // namespace

void UsePoolers(std::set<std::string> dsns) {
  const std::lock_guard lock{Declared().mutex};
  Declared().dsns = std::move(dsns);
}

bool IsBehindPooler(const std::string& dsn) {
  const std::lock_guard lock{Declared().mutex};
  return Declared().dsns.contains(dsn);
}

bool MeetsPooler(Session& session, const std::string& dsn) {
  const std::int64_t serving = session.Run(kServing).Int(0, 0);
  if (serving == session.BackendPid()) return false;
  // A pooler in transaction mode gives the server that was used last to the next session that asks.
  Session other{dsn, "membridge check"};
  Transaction holding = other.Begin();
  const std::int64_t held = holding.Run(kServing).Int(0, 0);
  return held == serving || session.Run(kServing).Int(0, 0) != serving;
}

}  // namespace membridge::sync::postgres
