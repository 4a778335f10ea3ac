#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "mappings/base/result.hpp"
#include "mappings/mapping.hpp"
#include "sync/apply/source.hpp"

namespace membridge::sync {

/// Makes a source from what a person wrote in a step of a test or in a file for `plan`, which have the same shape:
///
///     memory   a record as Mem0 answers it; of `id`, `memory` and the times those that do not matter may be missing
///     export   the fields asked for, `user_id` and `completed_at`
///     event    `id`, `type`, `time`, and `memory`: a record, or of one that has gone the `id` alone
///
/// A document without a time gets `now`. The caller fills in project and fence. kRefused says what cannot be read.
Result<Source> SourceFrom(mappings::Mapping::From from, const nlohmann::json& document, Instant now);

/// Returns the source's name in a plan: `memory 7`, `export ada`, `event 0e0e…`.
std::string NameOf(const Source& source);

}  // namespace membridge::sync
