#pragma once

#include <string>

namespace membridge::bench {

/// One row per memory: the simplest mapping, so that what is measured is the bridge and not the mapping.
inline const std::string kNotes = "CREATE TABLE notes (memory_id text PRIMARY KEY, person text, body text)";
inline const std::string kMapping = R"yaml(
rows:
  note:
    table: notes
    key: {memory_id: $memory.id}
    set: {person: $memory.user_id, body: $memory.text}
    gone: delete
)yaml";

}  // namespace membridge::bench
