#include "sync/queue/marking.hpp"

#include <algorithm>

#include "sync/queue/queue.hpp"

namespace membridge::sync {
namespace {

constexpr std::size_t kSlice = 1000;

}  // namespace

void MarkInSlices(postgres::Session& session, std::vector<std::pair<ProjectId, MemoryId>> memories, std::string_view reason) {
  std::ranges::sort(memories);
  std::size_t next = 0;
  while (next < memories.size()) {
    const ProjectId& project = memories[next].first;
    std::vector<MemoryId> slice;
    for (; next < memories.size() && slice.size() < kSlice && memories[next].first == project; ++next) {
      slice.push_back(memories[next].second);
    }
    postgres::Transaction transaction = session.Begin();
    Queue{transaction}.Mark(project, slice, reason);
    transaction.Commit();
  }
}

}  // namespace membridge::sync
