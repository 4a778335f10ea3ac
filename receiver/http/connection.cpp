#include "receiver/http/connection.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>

#include "mappings/base/log.hpp"
#include "receiver/http/response_text.hpp"

namespace membridge::receiver::http {
namespace {

/// The most bytes that a client may still send after its last answer before the connection is closed.
constexpr std::size_t kMaxDiscarded = 16 << 20;
/// Buffers larger than this are freed when they become empty.
constexpr std::size_t kKeptCapacity = 16 * 1024;

void Release(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeptCapacity) buffer.shrink_to_fit();
}

}  // namespace

Connection::Connection(Newcomer newcomer, const Limits& limits, const HeadCheck& head_check, HeldBytes& held)
    : fd_(newcomer.fd),
      peer_address_(std::move(newcomer.peer_address)),
      place_(std::move(newcomer.place)),
      limits_(limits),
      head_check_(head_check),
      all_held_(held),
      parser_(limits) {}

Connection::~Connection() {
  Counted() -= held_;
  close(fd_);
}

bool Connection::MayParse() const {
  return reading_ && !broken_ && waiting_.size() < limits_.max_pipelined &&
         output_.size() - output_sent_ < limits_.max_unsent_bytes;
}

bool Connection::WantsRead() const {
  return !broken_ && !client_done_ && (lingering_ || MayParse());
}

bool Connection::AtRest() const {
  return parser_.phase() == RequestParser::Phase::kIdle && input_.empty() && waiting_.empty() && output_sent_ == output_.size();
}

bool Connection::Finished() const {
  return broken_ || (client_done_ && waiting_.empty() && output_sent_ == output_.size());
}

Connection::Owed Connection::owed() const {
  if (lingering_) return Owed::kFarewell;
  if (!WantsRead()) return Owed::kNothing;
  if (parser_.phase() == RequestParser::Phase::kHeader) return Owed::kHeader;
  if (parser_.phase() == RequestParser::Phase::kBody) return proven_ ? Owed::kBody : Owed::kUnprovenBody;
  if (!waiting_.empty() || output_sent_ != output_.size()) return Owed::kNothing;
  return next_number_ == 0 ? Owed::kFirstRequest : Owed::kRequest;
}

void Connection::Receive(std::span<char> scratch, Requests& complete) {
  const ssize_t got = recv(fd_, scratch.data(), scratch.size(), 0);
  if (got < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) broken_ = true;
    return;
  }
  if (got == 0) {
    client_done_ = true;
    return;
  }
  const std::string_view bytes{scratch.data(), static_cast<std::size_t>(got)};
  if (!reading_) {
    discarded_ += bytes.size();
    if (discarded_ > kMaxDiscarded) broken_ = true;
    return;
  }
  starved_ = false;
  if (input_.empty()) {
    input_ = bytes.substr(Parse(bytes, complete));
  } else {
    input_ += bytes;
    input_.erase(0, Parse(input_, complete));
  }
  CountHeld();
}

void Connection::Resume(Requests& complete) {
  if (starved_ || input_.empty() || !MayParse()) return;
  input_.erase(0, Parse(input_, complete));
  CountHeld();
}

std::size_t Connection::Parse(std::string_view bytes, Requests& complete) {
  std::size_t consumed = 0;
  while (MayParse() && consumed < bytes.size()) {
    consumed += parser_.Feed(bytes.substr(consumed));
    if (parser_.phase() == RequestParser::Phase::kFailed) {
      Refuse(parser_.TakeFailure());
    } else if (parser_.phase() == RequestParser::Phase::kComplete) {
      judged_ = false;
      const bool last = !parser_.KeepAlive();
      const bool http_10 = parser_.IsHttp10();
      Request request = parser_.Take();
      request.peer_address = peer_address_;
      waiting_.push_back({next_number_, request.method == "HEAD", http_10, last, std::nullopt});
      complete.emplace_back(next_number_++, std::move(request));
      if (last) EndInput();
    } else {
      starved_ = true;
      JudgeHead();
      break;
    }
  }
  return reading_ ? consumed : bytes.size();
}

void Connection::JudgeHead() {
  if (judged_ || parser_.phase() != RequestParser::Phase::kBody) return;
  judged_ = true;
  HeadVerdict verdict{.refusal = std::nullopt, .proven = true};
  if (head_check_) {
    try {
      verdict = head_check_(parser_.Head());
    } catch (const std::exception& failure) {
      Log(LogLevel::kError, "request_failed", {{"error", failure.what()}});
      verdict.refusal = Refusal(500, "internal", "the request could not be looked at", "see the log");
    }
  }
  Counted() -= held_;
  proven_ = verdict.proven;
  Counted() += held_;
  if (verdict.refusal) EndWith(*verdict.refusal);
}

void Connection::CountHeld() {
  if (!reading_) input_.clear();
  if (input_.empty()) Release(input_);
  const std::size_t now_held = input_.size() + parser_.HeldBytes();
  Counted() += now_held - held_;  // unsigned: a smaller number wraps to the right sum
  held_ = now_held;
  const std::size_t most = proven_ ? limits_.max_receiving_bytes : limits_.max_unproven_bytes;
  if (held_ > kKeptCapacity && Counted() > most) {
    Refuse(TooMuchAtOnce());
    Release(input_);
  }
}

void Connection::EndInput() {
  reading_ = false;
  parser_.Abandon();
}

void Connection::Refuse(const Response& response) {
  if (!reading_) return;
  refused_ = response.status;
  EndWith(response);
}

void Connection::EndWith(const Response& response) {
  EndInput();
  Counted() -= held_;
  held_ = 0;
  waiting_.push_back({next_number_++, false, false, true, std::nullopt});
  Answer(waiting_.back().number, response, true);
}

void Connection::Answer(std::uint64_t number, const Response& response, bool last) {
  if (waiting_.empty() || number < waiting_.front().number || number - waiting_.front().number >= waiting_.size()) return;
  Waiting& slot = waiting_[static_cast<std::size_t>(number - waiting_.front().number)];
  if (slot.text) return;
  const bool nothing_follows =
      number == waiting_.back().number && parser_.phase() == RequestParser::Phase::kIdle && input_.empty();
  if (last && reading_ && nothing_follows) {
    slot.last = true;
    EndInput();
  }
  slot.text = FormatResponse(
      response, {.keep_alive = !slot.last, .http_1_0 = slot.http_10, .without_body = slot.head, .date = CurrentDate()});
  MoveAnswersOut();
}

void Connection::MoveAnswersOut() {
  const auto pending = std::find_if(waiting_.begin(), waiting_.end(), [](const Waiting& slot) { return !slot.text; });
  for (auto slot = waiting_.begin(); slot != pending; ++slot) output_ += *slot->text;
  waiting_.erase(waiting_.begin(), pending);
}

void Connection::Flush() {
  // Send "100 Continue" only when all earlier requests have been answered.
  if (waiting_.empty() && reading_ && parser_.TakeContinue()) output_ += kContinue;
  while (WantsWrite()) {
    const ssize_t sent = send(fd_, output_.data() + output_sent_, output_.size() - output_sent_, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (sent <= 0) {
      broken_ = true;
      return;
    }
    output_sent_ += static_cast<std::size_t>(sent);
    bytes_sent_ += static_cast<std::size_t>(sent);
  }
  if (output_sent_ == output_.size()) {
    Release(output_);
    output_sent_ = 0;
  } else if (output_sent_ > limits_.max_unsent_bytes) {
    output_.erase(0, output_sent_);
    output_sent_ = 0;
  }
  // Closing at once would reset a client that is still sending. It could then lose the answer that it has not read yet.
  if (!reading_ && !lingering_ && !broken_ && waiting_.empty() && output_.empty()) {
    lingering_ = true;
    shutdown(fd_, SHUT_WR);
  }
}

void Connection::Break() {
  broken_ = true;
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

}  // namespace membridge::receiver::http
