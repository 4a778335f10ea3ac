#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "receiver/http/hooks.hpp"
#include "receiver/http/limits.hpp"
#include "receiver/http/mailbox.hpp"
#include "receiver/http/request_parser.hpp"

namespace membridge::receiver::http {

/// The bytes of incomplete requests that all connections together hold.
struct HeldBytes {
  std::atomic<std::size_t> proven{0};    ///< from senders whose header was accepted
  std::atomic<std::size_t> unproven{0};  ///< from all other senders
};

/// One client: its socket, the request that it is sending, the requests that wait for an answer, and the answers that it has not
/// read. It uses neither event loop nor clock: its owner asks what it wants and tells it what happened. Threads: one.
class Connection {
 public:
  /// A whole request and its number on this connection.
  using Requests = std::vector<std::pair<std::uint64_t, Request>>;
  /// What the client must do next. This decides which time-out runs.
  enum class Owed { kNothing, kFirstRequest, kRequest, kHeader, kBody, kUnprovenBody, kFarewell };
  static constexpr std::size_t kOwedKinds = 7;

  /// The references must outlive the connection.
  Connection(Newcomer newcomer, const Limits& limits, const HeadCheck& head_check, HeldBytes& held);
  ~Connection();  ///< closes the socket
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Reads once from the socket into `scratch` and appends the complete requests.
  void Receive(std::span<char> scratch, Requests& complete);
  /// Goes on parsing the input that was read and held back, if there is room again.
  void Resume(Requests& complete);
  /// Answers the request of that number. A number without a waiting request is ignored. `last`: the client must not send another
  /// request.
  void Answer(std::uint64_t number, const Response& response, bool last);
  /// Refuses the request that is arriving, after the answers to all earlier requests, and ends the connection.
  void Refuse(const Response& response);
  /// Sends the answers that are ready, as far as the client accepts them. Shuts down the sending side after the last answer.
  void Flush();
  /// Gives the connection up: the peer is gone or must go. Closing the socket then resets it.
  void Break();

  bool WantsRead() const;
  bool WantsWrite() const { return !broken_ && output_sent_ < output_.size(); }
  Owed owed() const;
  /// Whether no request is arriving, waiting or being answered.
  bool AtRest() const;
  /// Whether the connection is over and may be destroyed.
  bool Finished() const;

  int fd() const { return fd_; }
  std::uint64_t requests() const { return next_number_; }  ///< how many requests have got a number, refused ones included
  std::uint64_t bytes_sent() const { return bytes_sent_; }
  /// The status of the refusal that ends the connection, from Refuse() or because of what the client sent. 0: there is none, or
  /// the head check refused.
  int refused() const { return refused_; }

 private:
  struct Waiting {
    std::uint64_t number;
    bool head;     // answer without body
    bool http_10;  // the client's version
    bool last;     // the connection ends with it
    std::optional<std::string> text;
  };

  bool MayParse() const;
  std::size_t Parse(std::string_view bytes, Requests& complete);
  /// Asks the head check about a request whose body is not complete, once.
  void JudgeHead();
  void EndWith(const Response& response);
  void EndInput();
  void CountHeld();
  std::atomic<std::size_t>& Counted() { return proven_ ? all_held_.proven : all_held_.unproven; }
  void MoveAnswersOut();

  const int fd_;
  const std::string peer_address_;
  const AddressPlaces::Place place_;
  const Limits& limits_;
  const HeadCheck& head_check_;
  HeldBytes& all_held_;
  std::size_t held_ = 0;  // our share of Counted()

  RequestParser parser_;
  std::string input_;     // read, not yet parsed
  bool starved_ = false;  // the parser has seen input_ and needs more
  bool judged_ = false;   // the head check was asked about the request that is arriving
  bool proven_ = false;   // and knows its sender
  std::uint64_t next_number_ = 0;
  std::vector<Waiting> waiting_;  // in the order received; few
  std::string output_;
  std::size_t output_sent_ = 0;
  std::uint64_t bytes_sent_ = 0;
  std::size_t discarded_ = 0;

  bool reading_ = true;       // false: the last request of this connection has been seen
  bool client_done_ = false;  // the client half-closed
  bool lingering_ = false;    // we half-closed
  bool broken_ = false;
  int refused_ = 0;
};

}  // namespace membridge::receiver::http
