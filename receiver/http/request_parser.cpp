#include "receiver/http/request_parser.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <string>
#include <utility>

namespace membridge::receiver::http {
namespace {

namespace beast = boost::beast;
using BeastError = beast::http::error;
using ErrorCode = boost::system::error_code;

/// The most memory that is reserved for a body by its announced length, before its bytes arrive.
constexpr std::size_t kTrustedReserve = 64 * 1024;
constexpr std::size_t kShortestEnd = std::string_view{"0\r\n\r\n"}.size();

bool IsDecimal(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Whether `bytes` can be the beginning of a chunk header (`1a;name=value` and CRLF), even when only a part has arrived. After a
/// chunk, the CRLF that ends its data comes first.
bool MayBeginChunk(std::string_view bytes, bool after_chunk) {
  if (after_chunk) {
    constexpr std::string_view kLineEnd = "\r\n";
    const std::size_t come = std::min(bytes.size(), kLineEnd.size());
    if (bytes.substr(0, come) != kLineEnd.substr(0, come)) return false;
    bytes.remove_prefix(come);
  }
  if (bytes.empty()) return true;
  if (!IsHexDigit(bytes.front())) return false;
  const auto after_size = std::find_if_not(bytes.begin(), bytes.end(), IsHexDigit);
  bytes.remove_prefix(static_cast<std::size_t>(after_size - bytes.begin()));
  if (bytes.starts_with('\r')) return bytes.size() == 1 || bytes[1] == '\n';
  return bytes.empty() || std::string_view{"; \t"}.find(bytes.front()) != std::string_view::npos;
}

/// Whether `bytes` begin with the size of a chunk that is not the last one.
bool HasSize(std::string_view bytes) {
  const auto end = std::find_if_not(bytes.begin(), bytes.end(), IsHexDigit);
  return std::any_of(bytes.begin(), end, [](char c) { return c != '0'; });
}

bool IsVisible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

/// Splits a request target into path and query. For an absolute URL, only the part behind its authority counts. Returns false
/// when the text is not a target.
bool SplitTarget(std::string_view method, std::string_view target, Request& request) {
  target = target.substr(0, target.find('#'));
  if (!target.starts_with('/') && target != "*") {
    const std::size_t scheme = target.find("://");
    if (method == "CONNECT" || scheme == std::string_view::npos || scheme == 0) return false;
    target.remove_prefix(scheme + 3);
    const std::size_t path = target.find_first_of("/?");
    target = path == std::string_view::npos ? std::string_view{} : target.substr(path);
  }
  const std::size_t question = target.find('?');
  request.target = target.substr(0, question);
  if (request.target.empty()) request.target = "/";
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  return true;
}

}  // namespace

/// Stores the parts that Beast finds, and refuses what Beast accepts but this server does not.
class RequestParser::Message final : public beast::http::basic_parser<true> {
 public:
  explicit Message(const Limits& limits) : limits_(limits) {
    header_limit(static_cast<std::uint32_t>(limits.max_header_bytes));
    body_limit(limits.max_body_bytes);
    eager(true);
  }

  Request request;
  bool http_1_1 = false;
  bool header_done = false;
  bool expects_continue = false;
  bool unknown_expectation = false;
  bool unknown_coding = false;
  std::size_t header_bytes = 0;
  std::uint64_t chunk_left = 0;  // of the data of the chunk begun last
  bool chunk_begun = false;

 private:
  using View = beast::string_view;

  void on_request_impl(beast::http::verb, View method, View target, int version, ErrorCode& error) override {
    http_1_1 = version >= 11;
    request.method.assign(method.data(), method.size());
    CountHeader(method.size() + target.size() + 12, error);
    if (error) return;
    const std::string_view text{target.data(), target.size()};
    if (!IsVisible(text) || !SplitTarget(request.method, text, request)) error = BeastError::bad_target;
  }

  void on_response_impl(int, View, int, ErrorCode&) override {}  // requests only

  void on_field_impl(beast::http::field field, View name, View value, ErrorCode& error) override {
    CountHeader(name.size() + value.size() + 4, error);
    if (error || header_done) return;  // trailers are counted, but otherwise ignored
    const std::string_view text{value.data(), value.size()};
    switch (field) {
      case beast::http::field::content_length:
        if (++content_lengths_ > 1 || !IsDecimal(text)) error = BeastError::bad_content_length;
        break;
      case beast::http::field::transfer_encoding:
        coded_ = true;
        if (!EqualsIgnoringCase(text, "chunked")) unknown_coding = true;
        break;
      case beast::http::field::host:
        ++hosts_;
        break;
      case beast::http::field::expect:
        if (EqualsIgnoringCase(text, "100-continue")) {
          expects_continue = true;
        } else {
          unknown_expectation = true;
        }
        break;
      default:
        break;
    }
    request.headers.push_back({std::string{name.data(), name.size()}, std::string{text}});
  }

  void on_header_impl(ErrorCode& error) override {
    header_done = true;
    if (unknown_coding || (coded_ && !http_1_1)) error = BeastError::bad_transfer_encoding;
    if (hosts_ > 1 || (http_1_1 && hosts_ == 0)) error = BeastError::bad_field;
    if (!http_1_1) expects_continue = unknown_expectation = false;  // HTTP/1.0 has no Expect
    if (unknown_expectation) error = BeastError::bad_value;
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode&) override {
    if (length) request.body.reserve(std::min(static_cast<std::size_t>(*length), kTrustedReserve));
  }

  std::size_t on_body_impl(View bytes, ErrorCode&) override {
    request.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  // Count the headers of chunks, too, so that many small chunks cannot use more than one large one.
  void on_chunk_header_impl(std::uint64_t size, View extensions, ErrorCode& error) override {
    chunk_left = size;
    chunk_begun = true;
    CountHeader(extensions.size(), error);
  }

  std::size_t on_chunk_body_impl(std::uint64_t, View bytes, ErrorCode&) override {
    request.body.append(bytes.data(), bytes.size());
    chunk_left -= bytes.size();
    return bytes.size();
  }

  void on_finish_impl(ErrorCode&) override {}

  // Beast limits one line or one call. This limit is for all of them together.
  void CountHeader(std::size_t bytes, ErrorCode& error) {
    header_bytes += bytes;
    if (header_bytes > limits_.max_header_bytes) error = BeastError::header_limit;
  }

  const Limits& limits_;
  int content_lengths_ = 0;
  int hosts_ = 0;
  bool coded_ = false;
};

RequestParser::RequestParser(const Limits& limits) : limits_(limits) {}
RequestParser::~RequestParser() = default;

RequestParser::Phase RequestParser::phase() const {
  return phase_;
}
bool RequestParser::KeepAlive() const {
  return message_->keep_alive();
}
bool RequestParser::IsHttp10() const {
  return !message_->http_1_1;
}

const Request& RequestParser::Head() const {
  return message_->request;
}

std::size_t RequestParser::HeldBytes() const {
  return message_ == nullptr ? 0 : message_->request.body.size() + message_->header_bytes;
}

bool RequestParser::TakeContinue() {
  return phase_ == Phase::kBody && message_->request.body.empty() && std::exchange(message_->expects_continue, false);
}

Request RequestParser::Take() {
  Request request = std::move(message_->request);
  Abandon();
  return request;
}

void RequestParser::Abandon() {
  message_.reset();
  phase_ = Phase::kIdle;
}

Response RequestParser::TakeFailure() {
  return std::move(failure_).value();
}

std::size_t RequestParser::Feed(std::string_view bytes) {
  std::size_t consumed = 0;
  if (phase_ == Phase::kIdle) {
    // RFC 9112 section 2.2: an empty line before a request is skipped.
    while (bytes.substr(consumed).starts_with("\r\n")) consumed += 2;
    if (consumed == bytes.size() || bytes.substr(consumed) == "\r") return consumed;
    message_ = std::make_unique<Message>(limits_);
    phase_ = Phase::kHeader;
  }
  while (phase_ == Phase::kHeader || phase_ == Phase::kBody) {
    const std::size_t step = Advance(bytes.substr(consumed));
    consumed += step;
    if (step == 0 || consumed == bytes.size()) break;
  }
  if (phase_ == Phase::kBody) CheckWaiting(bytes.substr(consumed));
  return consumed;
}

// Refuses a chunked body as soon as it can no longer become valid. Beast waits for the CRLF of a chunk header or trailer, even
// when other bytes arrive, and is not called for fewer than five bytes. The client may have sent everything and be waiting for
// the answer. Remaining data of a chunk is not checked as a line.
void RequestParser::CheckWaiting(std::string_view bytes) {
  if (!message_->chunked()) return;
  bytes.remove_prefix(std::min<std::uint64_t>(bytes.size(), message_->chunk_left));
  if (!MayBeginChunk(bytes, message_->chunk_begun)) return Fail(400, "bad_request", "a chunk does not begin with its size");
  if (bytes.size() > limits_.max_header_bytes) Fail(400, "bad_request", "a chunk header is too long");
  for (std::size_t at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    if (at == 0 || bytes[at - 1] != '\r') return Fail(400, "bad_request", "a line of the chunked body does not end in CRLF");
  }
}

std::size_t RequestParser::Advance(std::string_view bytes) {
  // A chunked body ends with at least "0\r\n\r\n". After Beast has seen the last chunk, it asserts that it is called with at
  // least that many bytes.
  if (phase_ == Phase::kBody && message_->chunked() && bytes.size() < kShortestEnd && !HasSize(bytes)) return 0;
  ErrorCode error;
  const std::size_t consumed = message_->put(boost::asio::const_buffer{bytes.data(), bytes.size()}, error);
  if (error == BeastError::body_limit) {
    Fail(413, "too_large", "the body is larger than " + std::to_string(limits_.max_body_bytes) + " bytes");
  } else if (error == BeastError::header_limit) {
    Fail(431, "header_too_large",
         "request line and headers are larger than " + std::to_string(limits_.max_header_bytes) + " bytes");
  } else if (error && message_->unknown_expectation) {
    Fail(417, "bad_request", "the only expectation met here is 100-continue");
  } else if (error && message_->unknown_coding) {
    Fail(501, "bad_request", "the only transfer coding understood here is chunked");
  } else if (error == BeastError::bad_version) {
    Fail(505, "bad_request", "this server speaks HTTP/1.0 and HTTP/1.1");
  } else if (error && error != BeastError::need_more) {
    Fail(400, "bad_request", "not a valid HTTP request: " + error.message());
  } else if (message_->is_done()) {
    phase_ = Phase::kComplete;
  } else if (message_->header_done) {
    phase_ = Phase::kBody;
  }
  return consumed;
}

void RequestParser::Fail(int status, std::string_view code, std::string_view message, std::string_view hint) {
  failure_ = Refusal(status, code, message, hint);
  phase_ = Phase::kFailed;
  message_.reset();
}

}  // namespace membridge::receiver::http
