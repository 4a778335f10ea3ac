#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sync/apply/source.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// For whom a choice among rows is remembered: the memory's user; where there is none, the source itself.
std::string SpeakerOf(const Source& source);

/// What people said about rows that match a key together with others, inside one transaction of the target. Throws
/// postgres::SqlFailure.
class Choices {
 public:
  explicit Choices(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Which of the identities (of rows of one table) was chosen for the source; nothing: none of them, or several.
  std::optional<std::size_t> Among(const std::string& mapping, const Source& source, const std::string& row,
                                   const std::string& relation, const std::vector<nlohmann::json>& identities);

  /// Remembers that of `candidates` the one at `chosen` is meant, and forgets what was chosen among them before.
  void Remember(const std::string& mapping, const Source& source, const std::vector<Candidate>& candidates, std::size_t chosen);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
