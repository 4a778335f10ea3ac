#include "admin/mapping_files/ambiguous_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace membridge::admin {

using sync::postgres::Session;

Result<AmbiguousRows::Found> AmbiguousRows::Find(Session& state, const Asked& asked, Instant now,
                                                 std::chrono::milliseconds patience) const {
  std::string name = asked.mapping.value_or("");
  if (!asked.mapping) {
    const auto names = sync::AmbiguousMappings(state, asked.project, asked.memory);
    if (names.empty())
      return Fail(ErrorCode::kNotFound, "memory " + asked.memory.Text() + " is not parked because several rows match",
                  "membridge parked show names what is parked");
    if (names.size() > 1)
      return Fail(ErrorCode::kRefused, "it is parked for this under several mappings",
                  "say which: " + fmt::format("{}", fmt::join(names, ", ")));
    name = names.front();
  }
  const auto meant = std::find_if(configured_.begin(), configured_.end(), [&](const ConfiguredMapping& each) {
    return each.mapping->name == name && (!each.project || *each.project == asked.project);
  });
  if (meant == configured_.end())
    return Fail(ErrorCode::kNotFound,
                fmt::format("the configuration has no mapping \"{}\" for project {}", name, asked.project.Text()));
  const auto source = sync::FromMirror(state, asked.project, asked.memory, now);
  if (!source) return tl::unexpected<Error>(source.error());
  const auto catalog = std::make_shared<const mappings::Catalog>(catalogs_.at(meant->target));
  const sync::Applier applier{meant->mapping, catalog};
  Session there = open_(databases_.DsnOf(*config_.FindTarget(meant->target)));
  auto ambiguity = sync::FindAmbiguity(there, applier, *catalog, *source, now, patience);
  if (!ambiguity) return tl::unexpected<Error>(ambiguity.error());
  return Found{meant->target, std::move(*ambiguity)};
}

Result<std::size_t> AmbiguousRows::Choose(Session& state, const Found& found, const std::string& key) const {
  const auto& rows = found.ambiguity.rows;
  const auto chosen =
      std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return sync::KeyInWords(row.candidate.identity) == key; });
  if (chosen == rows.end()) {
    std::vector<std::string> keys;
    for (const auto& row : rows) keys.push_back(sync::KeyInWords(row.candidate.identity));
    return Fail(ErrorCode::kNotFound, fmt::format("no row of key {} matches this memory", key),
                fmt::format("these do: {}", fmt::join(keys, " ")));
  }
  Session there = open_(databases_.DsnOf(*config_.FindTarget(found.target)));
  return sync::ChooseRow(state, there, found.target, found.ambiguity, static_cast<std::size_t>(chosen - rows.begin()));
}

nlohmann::ordered_json CandidatesJson(const AmbiguousRows::Found& found) {
  const sync::Ambiguity& ambiguity = found.ambiguity;
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const auto& row : ambiguity.rows)
    rows.push_back(
        {{"key", sync::KeyInWords(row.candidate.identity)}, {"identity", row.candidate.identity}, {"values", row.values}});
  return {{"project", ambiguity.source.project.Text()},
          {"memory", ambiguity.source.id},
          {"mapping", ambiguity.mapping},
          {"target", found.target},
          {"table", ambiguity.rows.front().candidate.relation},
          {"row", ambiguity.rows.front().candidate.row},
          {"place", ambiguity.place},
          {"candidates", std::move(rows)}};
}

nlohmann::json AuditedOf(const AmbiguousRows::Found& found, std::size_t memories) {
  const sync::Ambiguity& ambiguity = found.ambiguity;
  return {{"project", ambiguity.source.project.Text()},
          {"mapping", ambiguity.mapping},
          {"table", ambiguity.rows.front().candidate.relation},
          {"candidates", ambiguity.rows.size()},
          {"memories", memories}};
}

}  // namespace membridge::admin
