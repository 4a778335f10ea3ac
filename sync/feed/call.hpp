#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace membridge::sync {

/// What became of one POST.
struct Posted {
  long status = 0;      ///< 0: no answer
  std::string problem;  ///< without one the answer came; never holds the address's path
  std::optional<std::chrono::milliseconds> retry_after{};

  bool Ok() const { return status >= 200 && status < 300; }
};

/// Posts to endpoints over a connection that is kept. Follows no redirects, waits 15 s for an answer at most, and reads none of
/// its body. For one thread.
class EndpointCall {
 public:
  /// `stop`: polled while a call runs; true ends it.
  explicit EndpointCall(std::function<bool()> stop = {});
  ~EndpointCall();
  EndpointCall(const EndpointCall&) = delete;
  EndpointCall& operator=(const EndpointCall&) = delete;

  /// Headers as `name: value`.
  Posted Post(const std::string& url, const std::vector<std::string>& headers, const std::string& body);

 private:
  struct Curl;
  std::function<bool()> stop_;
  std::unique_ptr<Curl> curl_;
};

}  // namespace membridge::sync
