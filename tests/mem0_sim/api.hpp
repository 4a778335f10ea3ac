#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/mem0_sim/exchange.hpp"
#include "tests/mem0_sim/project.hpp"

namespace membridge::mem0_sim {

struct Route {
  std::string method;
  std::string pattern;   ///< `/v1/memories/{}/history/`: braces stand for one segment
  std::string endpoint;  ///< its name in counters, faults and recorded requests: `memories.history`
  std::function<Answer(Project&, const Call&)> handle;
};

// The endpoints, a group each. The first route that fits is taken.
std::vector<Route> AccountRoutes();
std::vector<Route> WebhookRoutes();
std::vector<Route> MemoryRoutes();
std::vector<Route> ListRoutes();
std::vector<Route> EntityRoutes();
std::vector<Route> ExportRoutes();
std::vector<Route> ProfileRoutes();
std::vector<Route> ControlRoutes();

/// From requests to replies: finds the route, checks the key, lets the faults have their way, keeps the journal. What lies under
/// `/_sim/` needs no key and suffers no faults.
class Api {
 public:
  explicit Api(Project& project);
  Reply Serve(const Request& request);

 private:
  struct Prepared {
    Route route;
    std::vector<std::string> segments;
  };

  const Prepared* Find(const Request& request, std::vector<std::string>& parts, bool& other_method) const;
  static Answer Perform(Project& project, const Prepared* route, const Request& request, std::vector<std::string> parts,
                        bool other_method);

  Project& project_;
  std::vector<Prepared> routes_;
};

}  // namespace membridge::mem0_sim
