#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "mappings/base/result.hpp"
#include "sync/apply/source.hpp"

namespace membridge::sync {

/// The bridge's own refusal of a source; cause and hint are for the operator.
struct Refusal : std::runtime_error {
  Refusal(ErrorCode code_, const std::string& cause, std::string hint_)
      : std::runtime_error(cause), code(code_), hint(std::move(hint_)) {}
  ErrorCode code;
  std::string hint;
  std::vector<Candidate> candidates{};  ///< where several rows match a key
};

/// The refusal for a statement that changed fewer rows than it was given. `statement` includes its article.
inline Refusal Swallowed(const std::string& statement, const std::string& relation) {
  return {ErrorCode::kRowRejected,
          statement + " of " + relation + " changed no row: a trigger swallowed it, or a rule or row security did",
          "look at the table's triggers, rules and policies, or set `session: {role: …}` in the mapping"};
}

}  // namespace membridge::sync
