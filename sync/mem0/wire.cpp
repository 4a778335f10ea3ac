#include "sync/mem0/wire.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include "sync/mem0/answer.hpp"
#include "sync/mem0/backoff.hpp"
#include "sync/mem0/complaint.hpp"
#include "sync/mem0/paths.hpp"
#include "sync/mem0/redact.hpp"
#include "sync/mem0/retry_after.hpp"

namespace membridge::sync::mem0 {
namespace {

using namespace std::chrono_literals;

constexpr auto kConnect = 10'000ms;
constexpr auto kStopSlice = 25ms;
constexpr auto kLongestWaitBetweenTries = 30'000ms;
constexpr long kSlowBytesPerSecond = 64;
constexpr long kSlowSeconds = 20;

struct HeaderCloser {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
struct UrlCloser {
  void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};

/// scheme://host:port in lower case, with the port written out; nothing when the text is not an absolute http(s) address.
std::optional<std::string> OriginOf(const std::string& url) {
  const std::unique_ptr<CURLU, UrlCloser> parsed{curl_url()};
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return std::nullopt;
  std::string origin;
  for (const CURLUPart part : {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT}) {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return std::nullopt;
    origin += (origin.empty() ? "" : ":") + std::string{text};
    curl_free(text);
  }
  std::transform(origin.begin(), origin.end(), origin.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (!origin.starts_with("http:") && !origin.starts_with("https:")) return std::nullopt;
  return origin;
}

bool FitsHeader(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7F'; });
}

std::optional<std::string> Header(CURL* handle, const char* name) {
  curl_header* header = nullptr;
  if (curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return std::nullopt;
  return std::string{header->value};
}

bool BeginsWith(std::string_view text, std::string_view words) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return text.size() >= words.size() &&
         std::equal(words.begin(), words.end(), text.begin(), [&](char one, char other) { return lower(one) == lower(other); });
}

/// Whether this refusal is one of Mem0's own.
bool IsAmong(const std::vector<Refusal>& refusals, long status, const Complaint& complaint) {
  if (!complaint.from_mem0) return false;
  return refusals.empty() || std::any_of(refusals.begin(), refusals.end(), [&](const Refusal& refusal) {
           return refusal.status == status && (refusal.key.empty() || refusal.key == complaint.key) &&
                  BeginsWith(complaint.text, refusal.words);
         });
}

template <class Value>
void Set(CURL* handle, CURLoption option, Value value) {
  // This fails only for an option that this libcurl does not have. The code below cannot work without it.
  if (curl_easy_setopt(handle, option, value) != CURLE_OK) throw std::runtime_error{"libcurl refused an option"};
}

}  // namespace

struct Wire::Curl {
  struct Closer {
    void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
  };
  std::unique_ptr<CURL, Closer> handle;
};

/// One try: what went out and what came back.
struct Wire::Exchange {
  const Wire& wire;
  std::string sent = {};
  std::string received = {};
  bool too_large = false;
  bool stopped = false;
  long status = 0;
  std::string type = {};
  std::optional<std::chrono::milliseconds> retry_after = {};

  static std::size_t Receive(char* data, std::size_t size, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    // Counted after unpacking, so that a small packed answer cannot fill the memory.
    if (exchange.received.size() + size * count > exchange.wire.options_.largest_answer) {
      exchange.too_large = true;
      return 0;
    }
    exchange.received.append(data, size * count);
    return size * count;
  }
  static int Progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& exchange = *static_cast<Exchange*>(self);
    exchange.stopped = exchange.wire.Stopping();
    return exchange.stopped ? 1 : 0;
  }
};

Wire::Wire(Client::Options options, std::shared_ptr<CallBudget> budget)
    : options_(std::move(options)), budget_(std::move(budget)), curl_(std::make_unique<Curl>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  while (options_.base_url.ends_with('/')) options_.base_url.pop_back();
  if (const auto problem = ProblemWithBaseUrl(options_.base_url)) throw std::invalid_argument{"base_url " + *problem};
  if (options_.access) options_.api_key = options_.access->Key();
  key_ = options_.api_key;
  if (!FitsHeader(key_)) throw std::invalid_argument{"the API key is empty or holds characters that no key has"};
  if (!budget_) budget_ = std::make_shared<CallBudget>();
}

Wire::~Wire() = default;

Result<Answer> Wire::Call(const Request& request) {
  if (!options_.access) return CallWithKey(request);
  if (const auto admitted = Admit(); !admitted) return Within(admitted.error(), request.name);
  key_ = options_.access->Key();
  auto answer = CallWithKey(request);
  if (answer || failure_.status != 401 || answer.error().code != ErrorCode::kUnauthorized) return answer;
  if (!options_.access->WasRefused(key_, answer.error())) return answer;
  if (const auto admitted = Admit(); !admitted) return Within(admitted.error(), request.name);
  key_ = options_.access->Key();
  return CallWithKey(request);
}

Result<void> Wire::Admit() {
  if (!options_.access) return {};
  return options_.access->Admit([this](const std::string& key) {
    key_ = key;
    return PingWithKey();
  });
}

Access::Standing Wire::StandingOfKey() const {
  return options_.access ? options_.access->Now().standing : Access::Standing::kRecognised;
}

Result<Account> Wire::Ping() {
  if (options_.access) key_ = options_.access->Key();
  return PingWithKey();
}

Result<Account> Wire::PingWithKey() {
  Request request{.name = "ping", .path = paths::Ping()};
  request.refusals = {{0, "", ""}};  // ping refuses only keys
  request.is_mem0s = [](const Answer& answer) {
    const auto account = ParseJson(answer.body);
    return account && !TextAt(*account, "project_id").value_or("").empty();
  };
  const auto answer = CallWithKey(request);
  if (!answer) return tl::unexpected<Error>(answer.error());
  const auto account = ParseJson(answer->body);
  if (!account) return Within(account.error(), request.name);
  return Account{TextAt(*account, "org_id").value_or(""), TextAt(*account, "project_id").value_or(""),
                 TextAt(*account, "user_email").value_or("")};
}

Result<Answer> Wire::CallWithKey(const Request& request) {
  Backoff backoff;
  for (int attempt = 1;; ++attempt) {
    const auto began = std::chrono::steady_clock::now();
    failure_ = {};
    auto answer = TryOnce(request);
    if (options_.observe) {
      const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
      const std::string_view outcome = answer ? "ok" : failure_.in_between ? "in_between" : NameOf(answer.error().code);
      options_.observe({request.name, outcome, answer ? answer->status : failure_.status, took});
    }
    if (answer || attempt >= options_.tries || answer.error().code != ErrorCode::kUnavailable) return answer;
    if (request.creates && failure_.status != 429) return answer;
    const auto wait = std::max(failure_.retry_after.value_or(0ms), backoff.Next());
    if (wait > kLongestWaitBetweenTries || !Wait(wait)) return answer;
  }
}

Result<nlohmann::json> Wire::CallForJson(const Request& request) {
  auto answer = Call(request);
  if (!answer) return tl::unexpected<Error>(answer.error());
  auto parsed = ParseJson(answer->body);
  if (parsed) return parsed;
  if (answer->says_json) return Within(parsed.error(), request.name);
  return Fail(ErrorCode::kUnavailable, fmt::format("{}: the answer is not Mem0's", request.name),
              "is base_url right, and is there a proxy in between?");
}

bool Wire::LeadsElsewhere(const std::string& link) const {
  const auto origin = OriginOf(link);
  if (origin) return origin != OriginOf(options_.base_url);
  return link.starts_with("//") || link.find("://") != std::string::npos;
}

bool Wire::Wait(std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  for (auto now = std::chrono::steady_clock::now(); now < until; now = std::chrono::steady_clock::now()) {
    if (Stopping()) return false;
    // `stop` is polled and cannot wake us, so the wait is cut into slices.
    std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(until - now, kStopSlice));
  }
  return !Stopping();
}

Result<void> Wire::WaitForTurn() {
  const auto give_up = std::chrono::steady_clock::now() + options_.timeout;
  for (;;) {
    if (Stopping()) return Fail(ErrorCode::kUnavailable, "stopping");
    const auto wait = budget_->Take(options_.background);
    if (wait == 0ms) return {};
    if (std::chrono::steady_clock::now() + wait > give_up) {
      failure_.retry_after = wait;
      return Fail(ErrorCode::kUnavailable, "no turn within the time allowed: Mem0 asked for fewer calls");
    }
    if (!Wait(wait)) return Fail(ErrorCode::kUnavailable, "stopping");
  }
}

Result<Answer> Wire::TryOnce(const Request& request) {
  if (auto turn = WaitForTurn(); !turn) return Within(turn.error(), request.name);
  Exchange exchange{.wire = *this};
  if (request.body) {
    try {
      exchange.sent = request.body->dump();
    } catch (const nlohmann::json::exception&) {
      return Fail(ErrorCode::kRefused, fmt::format("{}: the request holds text that is not UTF-8", request.name));
    }
  }

  if (curl_->handle) {
    curl_easy_reset(curl_->handle.get());  // keeps the connection
  } else {
    curl_->handle.reset(curl_easy_init());
  }
  CURL* handle = curl_->handle.get();
  if (handle == nullptr) throw std::runtime_error{"libcurl cannot make a handle"};
  std::unique_ptr<curl_slist, HeaderCloser> headers;
  for (const std::string& line : {"Authorization: Token " + key_, std::string{"Content-Type: application/json"},
                                  std::string{"Accept: application/json"}, std::string{"Expect:"}}) {
    headers.reset(curl_slist_append(headers.release(), line.c_str()));
  }
  Set(handle, CURLOPT_URL, (options_.base_url + request.path).c_str());
  Set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  Set(handle, CURLOPT_PATH_AS_IS, 1L);
  Set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  Set(handle, CURLOPT_NOSIGNAL, 1L);
  Set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  Set(handle, CURLOPT_USERAGENT, "membridge");
  Set(handle, CURLOPT_HTTPHEADER, headers.get());
  Set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(options_.timeout, kConnect).count()));
  Set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
  Set(handle, CURLOPT_LOW_SPEED_LIMIT, kSlowBytesPerSecond);
  Set(handle, CURLOPT_LOW_SPEED_TIME, kSlowSeconds);
  Set(handle, CURLOPT_WRITEFUNCTION, &Exchange::Receive);
  Set(handle, CURLOPT_WRITEDATA, &exchange);
  Set(handle, CURLOPT_NOPROGRESS, 0L);
  Set(handle, CURLOPT_XFERINFOFUNCTION, &Exchange::Progress);
  Set(handle, CURLOPT_XFERINFODATA, &exchange);
  // "" accepts every encoding that this libcurl can unpack, perhaps none.
  Set(handle, CURLOPT_ACCEPT_ENCODING, "");
  // libcurl sends a request again when a kept connection turns out dead. That is harmless, except for calls that create
  // something.
  if (request.creates) Set(handle, CURLOPT_FRESH_CONNECT, 1L);
  if (request.body) {
    Set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(exchange.sent.size()));
    Set(handle, CURLOPT_POSTFIELDS, exchange.sent.c_str());
  }
  Set(handle, CURLOPT_CUSTOMREQUEST, std::string{request.method}.c_str());

  const CURLcode code = curl_easy_perform(handle);
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &exchange.status);
  exchange.type = Header(handle, "content-type").value_or("");
  if (code != CURLE_OK) return NotReached(request, exchange, static_cast<int>(code));

  if (const auto header = Header(handle, "retry-after")) {
    const auto date = Header(handle, "date");
    exchange.retry_after = ParseRetryAfter(*header, (date ? ParseHttpDate(*date) : std::nullopt).value_or(SystemClock{}.Now()));
  }
  if (exchange.status >= 200 && exchange.status < 300) {
    budget_->Succeeded();
    Answer answer{static_cast<int>(exchange.status), std::move(exchange.received),
                  exchange.type.find("json") != std::string::npos};
    if (!request.is_mem0s || request.is_mem0s(answer)) return answer;
    failure_.status = answer.status;
    return NotMem0s(fmt::format("{}: the answer is not Mem0's ({} bytes of {})", request.name, answer.body.size(),
                                exchange.type.empty() ? "no type" : OneLine(exchange.type, 40)));
  }
  return Refused(request, exchange);
}

tl::unexpected<Error> Wire::NotReached(const Request& request, const Exchange& exchange, int curl_code) {
  const auto code = static_cast<CURLcode>(curl_code);
  if (exchange.stopped) return Fail(ErrorCode::kUnavailable, fmt::format("{}: stopping", request.name));
  if (exchange.too_large) {
    return Fail(ErrorCode::kRefused,
                fmt::format("{}: the answer is larger than {} bytes", request.name, options_.largest_answer));
  }
  const bool certificate =
      code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CONNECT_ERROR;
  return Fail(ErrorCode::kUnavailable,
              fmt::format("{}: no answer from {}: {}", request.name, OriginOf(options_.base_url).value_or("Mem0"),
                          curl_easy_strerror(code)),
              certificate ? "install ca-certificates, or see whether something in between reads the traffic" : "");
}

tl::unexpected<Error> Wire::Refused(const Request& request, const Exchange& exchange) {
  const long status = exchange.status;
  std::vector<std::string> secrets = request.secrets;
  secrets.push_back(key_);
  Complaint complaint = ReadComplaint(Without(exchange.received, secrets));
  if (request.subject == Subject::kWebhooks) {
    complaint.text = RedactUrlsIn(complaint.text);
    for (auto& [field, words] : complaint.fields) words = RedactUrlsIn(words);
    if (!complaint.fields.empty()) complaint.text = JoinFields(complaint.fields);
  }
  failure_.status = static_cast<int>(status);
  failure_.fields = complaint.fields;
  failure_.retry_after = exchange.retry_after;
  if (status == 429 && !failure_.retry_after) failure_.retry_after = RetryAfterInWords(complaint.text);
  if (status == 429 || (status == 503 && failure_.retry_after)) {
    budget_->Throttled(failure_.retry_after);
  } else if (status < 500) {
    budget_->Succeeded();
  }

  std::string message = fmt::format("{}: Mem0 answered {}", request.name, status);
  if (!complaint.from_mem0) {
    message += fmt::format(" ({} bytes of {})", exchange.received.size(),
                           exchange.type.empty() ? "no type" : OneLine(exchange.type, 40));
  } else if (!complaint.text.empty() && (request.subject != Subject::kMemories || status < 500)) {
    message += ": " + complaint.text;
  }

  if (status < 400) {
    failure_.in_between = true;
    return Fail(ErrorCode::kUnavailable, message,
                "redirects are not followed, the key would go with them; set base_url to where Mem0 is");
  }
  const bool speaks_of_key = complaint.key == "detail" || complaint.key == "error";
  if (status == 401 && speaks_of_key) return Fail(ErrorCode::kUnauthorized, message, "check the project's api_key");
  if (status == 403 && request.may_be_forbidden && complaint.from_mem0)
    return Fail(ErrorCode::kRefused, message, "the account of the api_key may not do this");
  if (status == 403 && speaks_of_key) return Fail(ErrorCode::kUnauthorized, message, "the api_key does not give access to this");
  if (status == 401 || status == 403) return NotMem0s(std::move(message));
  if (status == 402 || status == 413) return Fail(ErrorCode::kUnavailable, message, "see the quota of the Mem0 plan");
  if (status == 408 || status == 425 || status == 429) return Fail(ErrorCode::kUnavailable, message);
  if (status >= 500) {
    failure_.in_between = !complaint.from_mem0;
    return Fail(ErrorCode::kUnavailable, message);
  }
  if (!IsAmong(request.refusals, status, complaint)) return NotMem0s(std::move(message));
  return Fail(status == 404 ? ErrorCode::kNotFound : ErrorCode::kRefused, message);
}

tl::unexpected<Error> Wire::NotMem0s(std::string message) {
  failure_.in_between = true;
  return Fail(ErrorCode::kUnavailable, std::move(message), "is base_url right, and is there a proxy in between?");
}

std::optional<std::string> ProblemWithBaseUrl(const std::string& base_url) {
  const std::unique_ptr<CURLU, UrlCloser> parsed{curl_url()};
  if (curl_url_set(parsed.get(), CURLUPART_URL, base_url.c_str(), 0) != CURLUE_OK || !OriginOf(base_url)) {
    return "must be an http or https address, as in https://api.mem0.ai";
  }
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), part, &text, 0) == CURLUE_OK) {
      curl_free(text);
      return "must hold no user, query or fragment";
    }
  }
  return std::nullopt;
}

}  // namespace membridge::sync::mem0
