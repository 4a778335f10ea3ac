#pragma once

#include <string>
#include <string_view>

#include "mappings/base/id.hpp"

/// All paths of Mem0's API that the bridge calls, so that a change at Mem0 needs a change of one line here. Each begins with a
/// slash and ends with one before its query, as Mem0 requires.
namespace membridge::sync::mem0::paths {

/// Encodes every byte but letters, digits and `-._~` as %XX.
std::string Encode(std::string_view text);
/// Whether text may stand between two slashes: not empty, not `.` or `..`, and without `/` and `\`, which proxies decode and then
/// read as another path.
bool FitsSegment(std::string_view text);

std::string Ping();

std::string ListMemories(int page, int page_size);
std::string AddMemories();
std::string Memory(const MemoryId& memory);
std::string MemoryHistory(const MemoryId& memory);
std::string ProjectHistory(int page, int limit);

std::string Entities(int page, int page_size);
std::string Entity(std::string_view type, std::string_view id);
std::string UserProfile(std::string_view user);
std::string Event(std::string_view event);

std::string CreateExport();
std::string GetExport();

std::string ProjectWebhooks(std::string_view mem0_project);
std::string Webhook(std::string_view webhook_id);

}  // namespace membridge::sync::mem0::paths
