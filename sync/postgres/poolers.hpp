#pragma once

#include <set>
#include <string>

#include "sync/postgres/session.hpp"

namespace membridge::sync::postgres {

/// Declares that these DSNs lead to a pooler in transaction mode (`pooled: true`), which may give every transaction another
/// server. Applies to sessions made later. A new session detects most poolers by itself, but only once it is connected; a
/// declared DSN is known before, so that no session LISTENs there.
void UsePoolers(std::set<std::string> dsns);
bool IsBehindPooler(const std::string& dsn);

/// Tells whether an undeclared pooler in transaction mode stands between `session` and the server. Opens a second session for a
/// moment. Detects only poolers that hide the backend's process id; a pooler in session mode does not count.
bool MeetsPooler(Session& session, const std::string& dsn);

}  // namespace membridge::sync::postgres
