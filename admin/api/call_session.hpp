#pragma once

#include <string>

#include "sync/postgres/session.hpp"

namespace membridge::admin::api {

/// Opens a session for a call that a person waits for. A statement is cancelled after 15 s, or after it has waited 2 s for a
/// lock, whatever the settings of role, database and server are. Throws postgres::SqlFailure when the database is away. The
/// session's threads: one.
sync::postgres::Session OpenCallSession(const std::string& dsn,
                                        sync::postgres::SearchPath path = sync::postgres::SearchPath::kBridges);

}  // namespace membridge::admin::api
