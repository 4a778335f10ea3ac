#pragma once

#include <set>
#include <string>

#include "sync/postgres/session.hpp"

namespace membridge::sync::postgres {

/// Behind these DSNs stands a pooler that gives every transaction another server (`pooled: true`). For sessions made later. Most
/// poolers are also noticed by themselves when a session is made, but not before: nobody should LISTEN there.
void UsePoolers(std::set<std::string> dsns);
bool IsBehindPooler(const std::string& dsn);

/// Whether a pooler in transaction mode stands between `session` and the server, though nobody said so. A second session is made
/// for a moment. Only a pooler that hides which backend serves is found; one in session mode is none.
bool MeetsPooler(Session& session, const std::string& dsn);

}  // namespace membridge::sync::postgres
