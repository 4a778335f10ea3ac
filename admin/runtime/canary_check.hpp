#pragma once

#include "admin/config/config.hpp"
#include "admin/runtime/surroundings.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// Tests the whole way from Mem0 to the inbox: lets a canary out, waits for its delivery and removes it. The project is at the
/// Platform, its webhook is registered, and `state` is migrated; serve runs. When serve has a canary of its own out, that one
/// counts. Blocks for at most the canary's deadline, 30 s where none is configured. Throws postgres::SqlFailure.
Precondition LookAtCanary(const ProjectConfig& project, sync::postgres::Session& state);

}  // namespace membridge::admin
