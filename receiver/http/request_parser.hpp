#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "receiver/http/limits.hpp"
#include "receiver/http/message.hpp"

namespace membridge::receiver::http {

/// Turns the bytes of one connection into requests. The HTTP/1.x framing is strict, so that a proxy in front cannot read it in
/// another way. Refused are bodies with two or unclear lengths, transfer codings other than chunked, and HTTP/1.1 requests
/// without exactly one Host. Threads: one. Errors are the Response to send; after one, nothing more can be read from that
/// connection.
class RequestParser {
 public:
  enum class Phase { kIdle, kHeader, kBody, kComplete, kFailed };

  explicit RequestParser(const Limits& limits);
  ~RequestParser();

  /// Consumes bytes from the front and returns how many. The caller must pass the rest again, followed by more. Stops after each
  /// request.
  std::size_t Feed(std::string_view bytes);

  Phase phase() const;
  /// In kBody: the request so far. Everything except the body is complete.
  const Request& Head() const;
  /// In kBody: the client waits for "100 Continue" before it sends the body. True once per request.
  bool TakeContinue();
  /// Returns how many bytes of the current request are held.
  std::size_t HeldBytes() const;

  /// In kComplete: whether the client wants to send another request after this one.
  bool KeepAlive() const;
  /// In kComplete: whether the client uses HTTP/1.0, where the answer must say explicitly that the connection stays open.
  bool IsHttp10() const;
  /// In kComplete: takes the request out, so that the next one may follow.
  Request Take();

  /// In kFailed: takes the answer to send.
  Response TakeFailure();
  /// Drops the request that has begun.
  void Abandon();

 private:
  class Message;  // keeps Beast out of this header
  std::size_t Advance(std::string_view bytes);
  void CheckWaiting(std::string_view bytes);
  void Fail(int status, std::string_view code, std::string_view message, std::string_view hint = {});

  const Limits& limits_;
  std::unique_ptr<Message> message_;
  Phase phase_ = Phase::kIdle;
  std::optional<Response> failure_;
};

}  // namespace membridge::receiver::http
