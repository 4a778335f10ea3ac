#pragma once

#include <string>

#include "sync/postgres/session.hpp"

namespace membridge::admin::api {

/// A session for somebody who waits for an answer: a statement ends after 15 s, and after 2 s of waiting for a lock, whatever
/// role, database or server say. Threads: one. Throws postgres::SqlFailure when the database is away.
sync::postgres::Session OpenCallSession(const std::string& dsn,
                                        sync::postgres::SearchPath path = sync::postgres::SearchPath::kBridges);

}  // namespace membridge::admin::api
