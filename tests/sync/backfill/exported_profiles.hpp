#pragma once

#include <fmt/format.h>

#include <string>

#include "tests/sync/backfill/backfilling.hpp"

namespace membridge::test {

inline const std::string kProfiles = R"(
CREATE TYPE seniority AS ENUM ('junior', 'senior');
CREATE TABLE profiles (user_id text PRIMARY KEY, name varchar(20), company varchar(20), years smallint CHECK (years < 80), level seniority,
                       skills text[] NOT NULL DEFAULT '{}', export_id text);
)";
inline const std::string kProfileMapping = R"yaml(
from: export
ask:
  name: The person's name
  company: Current employer
  years: Years of experience
  level: Seniority
  skills: Skills, one each
rows:
  profile:
    table: profiles
    key: {user_id: $export.user_id}
    touch: {export_id: $export.id}
    set:
      name: $export.name | truncate
      company: $export.company
      years: $export.years
      level: $export.level
      skills[]: $export.skills
)yaml";

/// Users of a local Mem0, and a table of profiles that exports keep.
struct Profiles : Backfilling {
  Profiles() : Backfilling(kProfiles, kProfileMapping) { sim.SetExports({{"ready_after_ms", 0}}); }

  void AddUsers(std::size_t users) {
    for (std::size_t i = 0; i < users; ++i) {
      sim.Add(fmt::format("user-{:02}", i), "works", {{"name", fmt::format("Name {}", i)}, {"years", i}, {"skills", {"Python"}}},
              {}, false);
    }
  }
  static sync::RunOptions Asking() {
    sync::RunOptions options;
    options.mapping = "sheet";
    return options;
  }
  sync::Run Export(const sync::RunOptions& options = Asking()) { return RunToEnd(sync::BackfillKind::kExport, options); }
  nlohmann::json Jobs() { return sim.Control("GET", "/exports").at("jobs"); }
  std::string Cell(const std::string& column, const std::string& user) const {
    return db.Value("SELECT " + column + " FROM profiles WHERE user_id = $1", {user});
  }
  std::string NoteOf(const sync::Run& run, const std::string& user) const {
    return db.Value(
        "SELECT state || ': ' || coalesce(note, '') FROM membridge.export_jobs WHERE run = $1::bigint AND entity = $2",
        {std::to_string(run.id), user});
  }
};

}  // namespace membridge::test
