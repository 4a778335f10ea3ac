#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "receiver/http/server.hpp"
#include "tests/receiver/http/raw_client.hpp"

namespace membridge::test {

/// A real server on a free port. By target: `/echo` answers the body at once, `/later` answers it from another thread, `/held`
/// answers it when Release() is called, `/large` answers eight megabytes, `/throw` throws, `/forget` drops its reply; all others
/// answer method, target and query, one a line.
class EchoServer {
 public:
  explicit EchoServer(receiver::http::Limits limits = {}, const std::string& address = "127.0.0.1:0");
  ~EchoServer();

  RawClient Connect() const { return RawClient{server.port()}; }
  /// Answers everything held, from this thread.
  void Release();
  /// True when `condition` holds before the deadline; looks again whenever a request arrives, and every millisecond.
  static bool Eventually(const std::function<bool()>& condition);
  std::size_t Held() const;

  receiver::http::Server server;

 private:
  void Handle(receiver::http::Request&& request, receiver::http::Reply reply);
  void AnswerLater();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<std::string, receiver::http::Reply>> later_;  // guarded by mutex_
  std::deque<std::pair<std::string, receiver::http::Reply>> held_;   // guarded by mutex_
  bool ending_ = false;                                              // guarded by mutex_
  std::thread answering_;
};

inline constexpr std::size_t kLargeBytes = 8 << 20;

}  // namespace membridge::test
