#include "sync/feed/call.hpp"

#include <curl/curl.h>

#include <mutex>
#include <stdexcept>

#include "sync/feed/endpoint.hpp"
#include "sync/mem0/retry_after.hpp"

namespace membridge::sync {
namespace {

constexpr long kConnectMs = 5'000;
constexpr long kAnswerMs = 15'000;
/// The longest wait that an endpoint can ask for.
constexpr std::chrono::hours kLongestWait{24};

struct HeaderCloser {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
struct UrlCloser {
  void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlCloser>;

std::optional<std::string> Part(const Url& url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, 0) != CURLUE_OK) return std::nullopt;
  std::string found{text};
  curl_free(text);
  return found;
}

Url Parsed(const std::string& text) {
  Url url{curl_url()};
  return curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) == CURLUE_OK ? std::move(url) : Url{};
}

template <class Value>
void Set(CURL* handle, CURLoption option, Value value) {
  if (curl_easy_setopt(handle, option, value) != CURLE_OK) throw std::runtime_error{"libcurl refused an option"};
}

std::size_t Ignore(char*, std::size_t size, std::size_t count, void*) {
  return size * count;
}

int Progress(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& asked = *static_cast<const std::function<bool()>*>(stop);
  return asked && asked() ? 1 : 0;
}

std::optional<std::string> Header(CURL* handle, const char* name) {
  curl_header* header = nullptr;
  if (curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return std::nullopt;
  return std::string{header->value};
}

}  // namespace

std::string ProblemWithEndpoint(const std::string& text) {
  const Url url = Parsed(text);
  const auto scheme = url ? Part(url, CURLUPART_SCHEME) : std::nullopt;
  if (scheme != "https" && scheme != "http") return "must be an http or https address";
  if (Part(url, CURLUPART_USER) || Part(url, CURLUPART_PASSWORD)) return "must hold no user: messages are signed instead";
  if (Part(url, CURLUPART_FRAGMENT)) return "must hold no fragment";
  return {};
}

std::string ShownAddress(const std::string& text) {
  const Url url = Parsed(text);
  if (!url) return "?";
  const auto port = Part(url, CURLUPART_PORT);
  return Part(url, CURLUPART_SCHEME).value_or("") + "://" + Part(url, CURLUPART_HOST).value_or("") + (port ? ":" + *port : "");
}

struct EndpointCall::Curl {
  struct Closer {
    void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
  };
  std::unique_ptr<CURL, Closer> handle;
};

EndpointCall::EndpointCall(std::function<bool()> stop) : stop_(std::move(stop)), curl_(std::make_unique<Curl>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

EndpointCall::~EndpointCall() = default;

Posted EndpointCall::Post(const std::string& url, const std::vector<std::string>& headers, const std::string& body) {
  if (curl_->handle)
    curl_easy_reset(curl_->handle.get());  // keeps the connection
  else
    curl_->handle.reset(curl_easy_init());
  CURL* handle = curl_->handle.get();
  if (handle == nullptr) throw std::runtime_error{"libcurl cannot make a handle"};
  std::unique_ptr<curl_slist, HeaderCloser> list;
  list.reset(curl_slist_append(nullptr, "Content-Type: application/json"));
  list.reset(curl_slist_append(list.release(), "Expect:"));
  for (const std::string& header : headers) list.reset(curl_slist_append(list.release(), header.c_str()));
  Set(handle, CURLOPT_URL, url.c_str());
  Set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  Set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  Set(handle, CURLOPT_NOSIGNAL, 1L);
  Set(handle, CURLOPT_USERAGENT, "membridge");
  Set(handle, CURLOPT_HTTPHEADER, list.get());
  Set(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  Set(handle, CURLOPT_TIMEOUT_MS, kAnswerMs);
  Set(handle, CURLOPT_WRITEFUNCTION, &Ignore);
  Set(handle, CURLOPT_NOPROGRESS, 0L);
  Set(handle, CURLOPT_XFERINFOFUNCTION, &Progress);
  Set(handle, CURLOPT_XFERINFODATA, &stop_);
  Set(handle, CURLOPT_POST, 1L);
  Set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  Set(handle, CURLOPT_POSTFIELDS, body.c_str());

  const CURLcode code = curl_easy_perform(handle);
  Posted posted;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &posted.status);
  // An answer whose header came counts, though its body did not end in time.
  if (code != CURLE_OK && !posted.Ok()) {
    posted.status = 0;
    posted.problem = curl_easy_strerror(code);
    return posted;
  }
  if (posted.Ok()) return posted;
  posted.problem = "answered " + std::to_string(posted.status);
  if (const auto header = Header(handle, "retry-after")) {
    const auto date = Header(handle, "date");
    posted.retry_after = mem0::ParseRetryAfter(
        *header, (date ? mem0::ParseHttpDate(*date) : std::nullopt).value_or(SystemClock{}.Now()), kLongestWait);
  }
  return posted;
}

}  // namespace membridge::sync
