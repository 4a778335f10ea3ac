#pragma once

#include <vector>

#include "sync/mem0/wire.hpp"

namespace membridge::sync::mem0 {

/// Refusals of a call in Mem0's own words: what it says is wrong with a request (400 and 422, whose words are not documented),
/// and `more`. A 404 in other words, or another status, is somebody's in between.
std::vector<Refusal> OwnRefusals(std::vector<Refusal> more = {});
/// The same of a list: a page past its end.
std::vector<Refusal> OwnRefusalsOfList(int page);

/// Whether an answer can be a page of a list.
bool LooksLikeList(const Answer& answer);

}  // namespace membridge::sync::mem0
