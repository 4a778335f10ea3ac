#pragma once

#include <chrono>
#include <map>
#include <memory>

#include "admin/config/config.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "admin/runtime/periodic.hpp"
#include "mappings/base/id.hpp"
#include "sync/mem0/client.hpp"

namespace membridge::admin {

/// Asks Mem0 every half minute which project each key belongs to (every two seconds while something is wrong with the key), and
/// checks `api_key_file` every two seconds. So Mem0Clients::Refusals() is up to date even while no other call is made. Threads:
/// one of its own.
class Mem0Watch {
 public:
  static constexpr std::chrono::seconds kEvery{2};

  Mem0Watch(const Config& config, const Mem0Clients& clients);

  void RequestStop() { thread_.RequestStop(); }

 private:
  const Mem0Clients& clients_;
  std::map<ProjectId, std::unique_ptr<sync::mem0::Records>> asking_;
  Periodic thread_;  // last: it uses everything above
};

}  // namespace membridge::admin
