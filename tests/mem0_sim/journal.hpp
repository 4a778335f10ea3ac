#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/mem0_sim/exchange.hpp"

namespace membridge::mem0_sim {

/// What was asked of the simulator: counters per endpoint, and the last requests whole. For one thread.
class Journal {
 public:
  /// `answered` is the status; 0 when the answer was cut off or never came.
  void Write(const std::string& endpoint, const Request& request, int answered);

  /// By endpoint: `{"calls": 3, "statuses": {"200": 2, "429": 1}}`
  nlohmann::json Calls() const;
  void ResetCalls() { calls_.clear(); }

  /// The last requests, oldest first; an empty endpoint means all.
  nlohmann::json Requests(const std::string& endpoint, std::size_t limit) const;
  void ResetRequests() { recorded_.clear(); }
  void Keep(std::size_t requests) { keep_ = requests; }

 private:
  struct Counter {
    std::uint64_t calls = 0;
    std::map<int, std::uint64_t> statuses;
  };
  struct Recorded {
    std::uint64_t number;
    std::string endpoint;
    Request request;
    int answered;
  };

  std::map<std::string, Counter> calls_;
  std::deque<Recorded> recorded_;
  std::uint64_t written_ = 0;
  std::size_t keep_ = 1000;
};

}  // namespace membridge::mem0_sim
