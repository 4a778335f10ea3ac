#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "admin/config/config.hpp"
#include "sync/source/log_install.hpp"

namespace membridge::admin {

/// Returns one sentence: how the changes of this self-hosted project are found, and what to do where that is not by the log.
std::string SourceInWords(const ProjectConfig& project, const sync::source::SourceLook& look);

/// `{"project", "table", "mode", "triggers", "role", "lacking", "message"}`; `mode` is live, polling or away.
nlohmann::ordered_json ViewOf(const ProjectConfig& project, const sync::source::SourceLook& look);

/// Looks at the source's database now and returns the view; `mode` is away, with the reason, when it does not answer. The project
/// has a source. Blocks for as long as a connection may take.
nlohmann::ordered_json CheckSource(const ProjectConfig& project);

}  // namespace membridge::admin
