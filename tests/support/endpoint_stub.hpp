#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace membridge::test {

/// An HTTP endpoint on loopback that records what is posted to it and answers as told. One request a connection. Threads: any.
class EndpointStub {
 public:
  struct Request {
    std::string path, body;
    std::map<std::string, std::string> headers{};  ///< by name in lower case
  };
  struct Reply {
    int status = 200;
    std::string headers{};  ///< whole lines, each ending in \r\n
    bool hang_up = false;   ///< closes without an answer
  };
  /// `answer` is called on the stub's thread for every request; without one everything is answered 200.
  explicit EndpointStub(std::function<Reply(const Request&)> answer = {});
  ~EndpointStub();
  EndpointStub(const EndpointStub&) = delete;
  EndpointStub& operator=(const EndpointStub&) = delete;

  std::string Url(const std::string& path = "/hook") const;
  /// Everything posted so far, in order.
  std::vector<Request> Requests() const;

 private:
  void Serve();
  void ServeOne(int connection);

  std::function<Reply(const Request&)> answer_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;  // guarded by mutex_
  std::jthread thread_;            // last: it uses everything above
};

}  // namespace membridge::test
