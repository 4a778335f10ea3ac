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

/// The same with twelve columns, as a contact in a CRM has them.
inline const std::string kWideNotes =
    "CREATE TABLE notes (memory_id text PRIMARY KEY, person text, body text, plan text, city text, country text, company text, "
    "title text, phone text, email text, language text, source text)";
inline const std::string kWideMapping = R"yaml(
rows:
  note:
    table: notes
    key: {memory_id: $memory.id}
    set:
      person: $memory.user_id
      body: $memory.text
      plan: $memory.metadata.plan
      city: $memory.metadata.city
      country: $memory.metadata.country
      company: $memory.metadata.company
      title: $memory.metadata.title
      phone: $memory.metadata.phone
      email: $memory.metadata.email
      language: $memory.metadata.language
      source: $memory.metadata.source
    gone: delete
)yaml";

}  // namespace membridge::bench
