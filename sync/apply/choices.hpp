#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sync/apply/source.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Returns the speaker for whom a choice among rows is remembered: the memory's user, or the source itself without a user.
std::string SpeakerOf(const Source& source);

/// Remembers which row a person chose when several rows match a key. Works inside one transaction of the target. Functions throw
/// postgres::SqlFailure.
class Choices {
 public:
  explicit Choices(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Returns the position of the identity (of rows of one table) that was chosen for the source; nothing when none or several
  /// were chosen.
  std::optional<std::size_t> Among(const std::string& mapping, const Source& source, const std::string& row,
                                   const std::string& relation, const std::vector<nlohmann::json>& identities);

  /// Remembers that a person chose the one of `candidates` at `chosen`. Forgets earlier choices among them.
  void Remember(const std::string& mapping, const Source& source, const std::vector<Candidate>& candidates, std::size_t chosen);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
