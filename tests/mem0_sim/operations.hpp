#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tests/mem0_sim/calendar.hpp"
#include "tests/mem0_sim/dice.hpp"

namespace membridge::mem0_sim {

/// One entry of Mem0's operation log: what `/v1/events/` lists. (Not a webhook delivery, not a history row.)
struct Operation {
  std::string id;
  std::string event_type;
  std::string status;
  nlohmann::json payload;
  nlohmann::json results;
  Instant created_at;
  std::optional<Instant> completed_at;
};

/// The operation log. Keeps the last 10,000. For one thread.
class Operations {
 public:
  Operations(SimClock& clock, Dice& dice) : clock_(clock), dice_(dice) {}

  /// Begun and not finished: PENDING. Answers its id.
  std::string Begin(const std::string& event_type, nlohmann::json payload);
  void Succeed(const std::string& id, nlohmann::json results);
  /// Begun and finished at once.
  std::string Done(const std::string& event_type, nlohmann::json payload, nlohmann::json results);

  const Operation* Find(const std::string& id) const;
  const std::deque<Operation>& All() const { return operations_; }

 private:
  SimClock& clock_;
  Dice& dice_;
  std::deque<Operation> operations_;
};

nlohmann::json ObjectOf(const Operation& operation);

}  // namespace membridge::mem0_sim
