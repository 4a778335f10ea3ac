#pragma once

#include <vector>

#include "sync/mem0/wire.hpp"

namespace membridge::sync::mem0 {

/// Returns the refusals that come from Mem0 itself: a request is wrong (400 and 422, whose texts are not documented), and `more`.
/// A 404 with another text, or another status, comes from a proxy.
std::vector<Refusal> OwnRefusals(std::vector<Refusal> more = {});
/// The same for a list: it adds the refusal of a page past the end.
std::vector<Refusal> OwnRefusalsOfList(int page);

/// Whether an answer can be a page of a list.
bool LooksLikeList(const Answer& answer);

}  // namespace membridge::sync::mem0
