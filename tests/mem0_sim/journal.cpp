#include "tests/mem0_sim/journal.hpp"

namespace membridge::mem0_sim {
namespace {

constexpr std::size_t kLongestBody = 64 * 1024;

}  // namespace

void Journal::Write(const std::string& endpoint, const Request& request, int answered) {
  Counter& counter = calls_[endpoint];
  ++counter.calls;
  ++counter.statuses[answered];
  ++written_;
  if (keep_ == 0) return;
  while (recorded_.size() >= keep_) recorded_.pop_front();
  Recorded& recorded = recorded_.emplace_back(Recorded{written_, endpoint, request, answered});
  recorded.request.body.resize(std::min(recorded.request.body.size(), kLongestBody));
}

nlohmann::json Journal::Calls() const {
  nlohmann::json calls = nlohmann::json::object();
  for (const auto& [endpoint, counter] : calls_) {
    nlohmann::json statuses = nlohmann::json::object();
    for (const auto& [status, count] : counter.statuses) statuses[std::to_string(status)] = count;
    calls[endpoint] = {{"calls", counter.calls}, {"statuses", statuses}};
  }
  return calls;
}

nlohmann::json Journal::Requests(const std::string& endpoint, std::size_t limit) const {
  nlohmann::json requests = nlohmann::json::array();
  for (auto recorded = recorded_.rbegin(); recorded != recorded_.rend() && requests.size() < limit; ++recorded) {
    if (!endpoint.empty() && recorded->endpoint != endpoint) continue;
    nlohmann::json headers = nlohmann::json::array();
    for (const auto& [name, value] : recorded->request.headers) headers.push_back({name, value});
    requests.push_back({{"number", recorded->number},
                        {"endpoint", recorded->endpoint},
                        {"method", recorded->request.method},
                        {"target", recorded->request.target},
                        {"headers", headers},
                        {"body", recorded->request.body},
                        {"status", recorded->answered}});
  }
  std::reverse(requests.begin(), requests.end());
  return requests;
}

}  // namespace membridge::mem0_sim
