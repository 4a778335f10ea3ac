#pragma once

#include "admin/config/config.hpp"
#include "admin/serve/roles.hpp"
#include "admin/shown/console.hpp"

namespace membridge::admin {

/// Blocks the signals that end the process and SIGHUP, for this thread and all it starts, and ignores SIGPIPE. To be called by
/// `main`'s thread before the first other thread starts: afterwards only Serve() waits for them.
void BlockSignals();

/// Does what `roles` name until SIGTERM or SIGINT, all of it by default: receives, reads, applies, schedules; SIGHUP has it load
/// its mappings again. Then nothing new is accepted or claimed, what waits is answered and what is claimed is finished, at most
/// for `soft_stop`. The exit status: 0 after that, 2 when the configuration or a mapping is wrong (all problems were printed on
/// `console`), 1 when it could not start for another reason.
int Serve(const Config& config, const ServeRoles& roles, Console& console);

}  // namespace membridge::admin
