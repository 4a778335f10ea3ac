#include "tests/mem0_sim/operations.hpp"

#include <algorithm>
#include <utility>

namespace membridge::mem0_sim {
namespace {

constexpr std::size_t kOperationsKept = 10'000;

}  // namespace

std::string Operations::Begin(const std::string& event_type, nlohmann::json payload) {
  if (operations_.size() == kOperationsKept) operations_.pop_front();
  operations_.push_back(
      {dice_.NewUuid().Text(), event_type, "PENDING", std::move(payload), nlohmann::json::array(), clock_.Now(), {}});
  return operations_.back().id;
}

void Operations::Succeed(const std::string& id, nlohmann::json results) {
  const auto found =
      std::find_if(operations_.rbegin(), operations_.rend(), [&](const Operation& operation) { return operation.id == id; });
  if (found == operations_.rend()) return;
  found->status = "SUCCEEDED";
  found->results = std::move(results);
  found->completed_at = clock_.Now();
}

std::string Operations::Done(const std::string& event_type, nlohmann::json payload, nlohmann::json results) {
  std::string id = Begin(event_type, std::move(payload));
  Succeed(id, std::move(results));
  return id;
}

const Operation* Operations::Find(const std::string& id) const {
  const auto found =
      std::find_if(operations_.begin(), operations_.end(), [&](const Operation& operation) { return operation.id == id; });
  return found == operations_.end() ? nullptr : &*found;
}

nlohmann::json ObjectOf(const Operation& operation) {
  const std::string created = FormatAsMem0(operation.created_at, Zone::kPacific);
  nlohmann::json completed;
  nlohmann::json latency;
  if (operation.completed_at) {
    completed = FormatAsMem0(*operation.completed_at, Zone::kPacific);
    latency = static_cast<double>((*operation.completed_at - operation.created_at).count()) / 1000.0;
  }
  return {{"id", operation.id},         {"event_type", operation.event_type},
          {"status", operation.status}, {"payload", operation.payload},
          {"metadata", nullptr},        {"results", operation.results},
          {"created_at", created},      {"updated_at", completed.is_null() ? nlohmann::json(created) : completed},
          {"started_at", created},      {"completed_at", completed},
          {"latency", latency}};
}

}  // namespace membridge::mem0_sim
