#include "sync/postgres/engine.hpp"

namespace membridge::sync::postgres {
namespace {

constexpr const char* kCitus = "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'citus'";
// Method `n` without replication (`t`) is a local table.
constexpr const char* kDistributed = R"(
    SELECT c.relname FROM pg_catalog.pg_dist_partition p
    JOIN pg_catalog.pg_class c ON c.oid = p.logicalrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'membridge' AND NOT c.relispartition AND (p.partmethod <> 'n' OR p.repmodel = 't')
    ORDER BY c.relname)";

}  // namespace

Engine EngineOf(Session& session) {
  Engine engine;
  const Rows citus = session.Run(kCitus);
  if (citus.empty()) return engine;
  engine.citus = citus.Text(0, 0);
  const Rows tables = session.Run(kDistributed);
  for (std::size_t row = 0; row < tables.size(); ++row) engine.distributed.emplace_back(tables.Text(row, 0));
  return engine;
}

}  // namespace membridge::sync::postgres
