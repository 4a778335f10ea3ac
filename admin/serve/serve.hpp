#pragma once

#include "admin/config/config.hpp"
#include "admin/serve/roles.hpp"
#include "admin/shown/console.hpp"

namespace membridge::admin {

/// Blocks SIGHUP and the signals that end the process, for this thread and all threads it starts later, and ignores SIGPIPE. Call
/// it on `main`'s thread before any other thread starts, so that only Serve() receives these signals.
void BlockSignals();

/// Runs the parts of `roles` (by default all) until SIGTERM or SIGINT: receives, reads, applies and schedules. SIGHUP loads the
/// mappings again. At the end it accepts and claims nothing new, answers waiting requests and finishes claimed work, for at most
/// `soft_stop`. Returns the exit status: 0 after such an end; 2 when the configuration or a mapping is wrong (all problems were
/// printed on `console`); 1 when it could not start for another reason.
int Serve(const Config& config, const ServeRoles& roles, Console& console);

}  // namespace membridge::admin
