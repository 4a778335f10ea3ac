#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "mappings/base/result.hpp"
#include "mappings/mapping.hpp"
#include "sync/apply/source.hpp"

namespace membridge::sync {

/// A source out of what a person wrote down, a step of a test or a file for `plan`, in the shape of that step:
///
///     memory   a record as Mem0 answers it; of `id`, `memory` and the times those that do not matter may be missing
///     export   the fields asked for, `user_id` and `completed_at`
///     event    `id`, `type`, `time`, and `memory`: a record, or of one that has gone the `id` alone
///
/// What has no time is of the moment `now`. Its project and fence are the caller's to fill in. kRefused says what cannot be read.
Result<Source> SourceFrom(mappings::Mapping::From from, const nlohmann::json& document, Instant now);

/// `memory 7`, `export ada`, `event 0e0e…`: how a source is called in a plan.
std::string NameOf(const Source& source);

}  // namespace membridge::sync
