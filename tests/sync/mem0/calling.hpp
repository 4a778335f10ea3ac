#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sync/mem0/client.hpp"
#include "tests/support/mem0_sim.hpp"

namespace membridge::sync::mem0 {

using namespace std::chrono_literals;
using nlohmann::json;
using test::Mem0Sim;

inline Client::Options OptionsFor(const Mem0Sim& mem0) {
  Client::Options options;
  options.base_url = mem0.BaseUrl() + "/";  // a slash at the end is a common slip and does no harm
  options.api_key = mem0.ApiKey();
  options.timeout = 10s;
  return options;
}

inline Client ClientFor(const Mem0Sim& mem0) {
  return Client{OptionsFor(mem0), std::make_shared<CallBudget>(10'000, 10'000)};
}

/// The next call gets this answer instead of Mem0's.
inline void Script(Mem0Sim& mem0, int status, const std::string& body, const std::string& type = "application/json",
                   const json& headers = json::object()) {
  mem0.SetFaults({{"next", {{{"status", status}, {"body", body}, {"content_type", type}, {"headers", headers}}}}});
}

inline std::set<std::string> IdsOf(const std::vector<mappings::Memory>& memories) {
  std::set<std::string> ids;
  for (const mappings::Memory& memory : memories) ids.insert(memory.id.Text());
  return ids;
}

inline const MemoryId kNobody{"00000000-0000-4000-8000-000000000000"};

}  // namespace membridge::sync::mem0
