#pragma once

#include <vector>

#include "sync/postgres/column.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {

/// The keys of claims as three array parameters: buckets, projects, memories. They are the first parameters of a statement on
/// claims.
struct ClaimKeys {
  postgres::Column buckets, projects, memories;

  void Add(const Claim& claim) {
    buckets.AddNumber(claim.bucket);
    projects.AddText(claim.project.Text());
    memories.AddText(claim.memory.Text());
  }
  std::vector<postgres::Param> Take() { return {buckets.Take(), projects.Take(), memories.Take()}; }
};

}  // namespace membridge::sync
