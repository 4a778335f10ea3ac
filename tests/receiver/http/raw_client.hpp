#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace membridge::test {

/// What a server answered, taken apart only as far as tests look.
struct RawResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

/// A client that says exactly the bytes it is told to, over a real socket. Waiting has a deadline; missing it fails the test
/// case.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, const std::string& host = "127.0.0.1");
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  /// Sends all; false when the server no longer takes it.
  bool Send(std::string_view bytes);
  /// Sends what the kernel takes without waiting and returns how much that was.
  std::size_t SendSome(std::string_view bytes);
  /// The next answer; nothing at the end of the stream. `to_head`: it has no body whatever its length says.
  std::optional<RawResponse> Receive(bool to_head = false);
  /// Everything up to the end of the stream, raw.
  std::string ReceiveAll();
  /// True when the server closed (or reset) the connection, after any bytes still in flight; waits up to the deadline.
  bool Closed();
  /// True when bytes are there to read at this moment.
  bool HasBytes() const;

  void HalfClose();
  void Reset();  ///< closes with RST
  void Close();
  int fd() const { return fd_; }

 private:
  /// Reads more into buffer_; false at the end of the stream.
  bool Fill();

  int fd_ = -1;
  std::string buffer_;
};

inline constexpr std::chrono::seconds kDeadline{20};

/// "POST /echo" with that body and the headers every request needs.
std::string Post(std::string_view target, std::string_view body, std::string_view extra_headers = {});
std::string Get(std::string_view target, std::string_view extra_headers = {});

}  // namespace membridge::test
