#include "tests/mem0_sim/server.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <csignal>
#include <optional>
#include <utility>

namespace membridge::mem0_sim {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr std::uint64_t kLargestBody = 256 * 1024 * 1024;  // bulk loads are large
constexpr std::uint32_t kLargestHeader = 64 * 1024;

std::string HeadOf(const Answer& answer, bool keep_alive) {
  std::string head =
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\n", answer.status,
                  std::string{http::obsolete_reason(static_cast<http::status>(answer.status))}, answer.content_type);
  for (const auto& [name, value] : answer.headers) head += fmt::format("{}: {}\r\n", name, value);
  head += answer.more ? std::string{"Transfer-Encoding: chunked\r\n"} : fmt::format("Content-Length: {}\r\n", answer.body.size());
  if (!keep_alive) head += "Connection: close\r\n";
  return head + "\r\n";
}

/// One connection. Lives as long as an operation of its is pending.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, const Server::Serve& serve)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), serve_(serve) {}

  void Read() {
    parser_.emplace();
    parser_->body_limit(kLargestBody);
    parser_->header_limit(kLargestHeader);
    http::async_read(socket_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
      if (!error) self->Answered();
    });
  }

 private:
  void Answered() {
    auto message = parser_->release();
    keep_alive_ = message.keep_alive();
    Request request{std::string{message.method_string()}, std::string{message.target()}, {}, std::move(message.body())};
    for (const auto& field : message) request.headers.emplace_back(std::string{field.name_string()}, std::string{field.value()});
    reply_ = serve_(request);
    if (reply_.delay_ms == 0) return Send();
    timer_.expires_after(std::chrono::milliseconds{reply_.delay_ms});
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->Send();
    });
  }

  void Send() {
    if (reply_.ending == Ending::kNever) return WaitForTheirEnd();
    if (reply_.ending == Ending::kReset) {
      error_code ignored;
      socket_.set_option(asio::socket_base::linger(true, 0), ignored);
      socket_.close(ignored);
      return;
    }
    out_ = HeadOf(reply_.answer, keep_alive_ && reply_.ending == Ending::kWhole);
    if (reply_.answer.more) return SendMore();
    out_.append(reply_.answer.body, 0, reply_.ending == Ending::kTruncated ? reply_.answer.body.size() / 2 : std::string::npos);
    const bool again = keep_alive_ && reply_.ending == Ending::kWhole;
    Write([again](Session& self) { again ? self.Read() : self.Close(); });
  }

  /// Chunk by chunk; other connections are served between two of them.
  void SendMore() {
    std::string chunk;
    const bool more = reply_.answer.more(chunk);
    if (!chunk.empty()) out_ += fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
    if (more) return Write([](Session& self) { self.SendMore(); });
    out_ += "0\r\n\r\n";
    Write([](Session& self) { self.keep_alive_ ? self.Read() : self.Close(); });
  }

  void Write(std::function<void(Session&)> then) {
    writing_ = std::exchange(out_, {});
    asio::async_write(socket_, asio::buffer(writing_),
                      [self = shared_from_this(), then = std::move(then)](error_code error, std::size_t) {
                        if (!error) then(*self);
                      });
  }

  void WaitForTheirEnd() {
    socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code) {});
  }

  void Close() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  const Server::Serve& serve_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  Reply reply_;
  bool keep_alive_ = true;
  std::string out_;
  std::string writing_;
};

}  // namespace

struct Server::State {
  State(const std::string& address, std::uint16_t port)
      : acceptor(context, tcp::endpoint(asio::ip::make_address(address), port)) {}

  void Accept() {
    acceptor.async_accept([this](error_code error, tcp::socket socket) {
      if (!error) {
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        std::make_shared<Session>(std::move(socket), serve)->Read();
      }
      if (acceptor.is_open()) Accept();
    });
  }

  asio::io_context context{1};
  tcp::acceptor acceptor;
  Serve serve;
};

Server::Server(const std::string& address, std::uint16_t port) : state_(std::make_unique<State>(address, port)) {}
Server::~Server() = default;

std::uint16_t Server::Port() const {
  return state_->acceptor.local_endpoint().port();
}

void Server::Later(std::chrono::milliseconds after, std::function<void()> work) {
  auto timer = std::make_shared<asio::steady_timer>(state_->context, after);
  timer->async_wait([timer, work = std::move(work)](error_code error) {
    if (!error) work();
  });
}

void Server::Run(Serve serve) {
  state_->serve = std::move(serve);
  asio::signal_set signals(state_->context, SIGTERM, SIGINT);
  signals.async_wait([this](error_code, int) { state_->context.stop(); });
  state_->Accept();
  state_->context.run();
}

}  // namespace membridge::mem0_sim
