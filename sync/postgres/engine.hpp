#pragma once

#include <string>
#include <vector>

#include "sync/postgres/session.hpp"

namespace membridge::sync::postgres {

/// What a database runs on, besides PostgreSQL.
struct Engine {
  std::string citus;                     ///< version of the extension; empty: PostgreSQL alone
  std::vector<std::string> distributed;  ///< tables of the schema `membridge` that Citus distributes or replicates, by name
};

/// Asks the catalogue. Tables that Citus only knows of, and that stay local, do not count as distributed. Throws SqlFailure.
Engine EngineOf(Session& session);

}  // namespace membridge::sync::postgres
