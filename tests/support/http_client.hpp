#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace membridge::test {

/// What a server answered. Status 0: there was no whole answer (refused, reset, timed out); `body` then says why.
struct HttpAnswer {
  int status = 0;
  std::string body;
  std::map<std::string, std::string> headers{};  ///< by name in lower case; the last of several
};

/// A plain HTTP client with one keep-alive connection, for one thread.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpAnswer Call(const std::string& method, const std::string& url, const std::string& body = {},
                  const std::vector<std::string>& headers = {"Content-Type: application/json"},
                  std::chrono::milliseconds timeout = std::chrono::seconds{30});
  HttpAnswer Get(const std::string& url) { return Call("GET", url); }
  HttpAnswer Post(const std::string& url, const std::string& body) { return Call("POST", url, body); }

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

/// A port of 127.0.0.1 that nobody listens on now.
int FreePort();

}  // namespace membridge::test
