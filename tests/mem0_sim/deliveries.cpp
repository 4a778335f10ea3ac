#include "tests/mem0_sim/deliveries.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>
#include <set>
#include <stdexcept>

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

constexpr int kMostConnections = 64;
constexpr std::size_t kRecentKept = 200;

struct DeliveriesBadSetting : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct CurlCloser {
  void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};
struct ListCloser {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

std::size_t Discard(char*, std::size_t size, std::size_t count, void*) {
  return size * count;
}

/// Ends a transfer when the flag behind `stopping` is up.
int EndWhenStopping(void* stopping, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(stopping)->load() ? 1 : 0;
}

}  // namespace

/// One thread's way out. Only what HTTP needs and the JSON content type are sent: Mem0 documents no header of its own.
class Deliveries::Connection {
 public:
  explicit Connection(std::atomic<bool>& stopping) : stopping_(stopping), handle_(curl_easy_init()) {
    for (const char* header : {"Content-Type: application/json", "Accept:", "Expect:"}) {
      headers_.reset(curl_slist_append(headers_.release(), header));
    }
  }

  /// The status, or 0 when there was none.
  long Post(const Delivery& delivery, const Settings& settings) {
    CURL* curl = handle_.get();
    curl_easy_reset(curl);  // keeps the connections
    curl_easy_setopt(curl, CURLOPT_URL, delivery.url.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_.get());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(delivery.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, delivery.body.data());
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(settings.timeout_ms));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Discard);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &EndWhenStopping);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &stopping_);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, settings.verify_tls ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, settings.verify_tls ? 2L : 0L);
    if (!settings.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, settings.ca_file.c_str());
    if (!settings.client_certificate.empty()) curl_easy_setopt(curl, CURLOPT_SSLCERT, settings.client_certificate.c_str());
    if (!settings.client_key.empty()) curl_easy_setopt(curl, CURLOPT_SSLKEY, settings.client_key.c_str());
    if (curl_easy_perform(curl) != CURLE_OK) return 0;
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
  }

 private:
  std::atomic<bool>& stopping_;
  std::unique_ptr<CURL, CurlCloser> handle_;
  std::unique_ptr<curl_slist, ListCloser> headers_;
};

Deliveries::Deliveries(std::uint64_t seed) : dice_(seed) {
  const std::lock_guard lock(mutex_);
  StartThreads();
}

void Deliveries::StartThreads() {
  while (threads_.size() < static_cast<std::size_t>(settings_.concurrency)) threads_.emplace_back([this] { Work(); });
}

Deliveries::~Deliveries() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Deliveries::Settings Deliveries::Parse(Settings settings, const Json& json) {
  const std::map<std::string, double*> shares{
      {"duplicate", &settings.duplicate}, {"reorder", &settings.reorder}, {"loss", &settings.loss}};
  const std::map<std::string, int*> numbers{{"duplicate_spread_ms", &settings.duplicate_spread_ms},
                                            {"reorder_ms", &settings.reorder_ms},
                                            {"delay_ms", &settings.delay_ms},
                                            {"delay_jitter_ms", &settings.delay_jitter_ms},
                                            {"timeout_ms", &settings.timeout_ms},
                                            {"retries", &settings.retries},
                                            {"retry_delay_ms", &settings.retry_delay_ms},
                                            {"concurrency", &settings.concurrency}};
  const std::map<std::string, bool*> switches{{"paused", &settings.paused}, {"verify_tls", &settings.verify_tls}};
  const std::map<std::string, std::string*> files{
      {"ca_file", &settings.ca_file}, {"client_certificate", &settings.client_certificate}, {"client_key", &settings.client_key}};
  for (const auto& [name, value] : json.items()) {
    if (const auto share = shares.find(name); share != shares.end() && value.is_number()) {
      *share->second = value.get<double>();
      if (*share->second < 0 || *share->second > 1) throw DeliveriesBadSetting(name + " must be from 0 to 1");
    } else if (const auto number = numbers.find(name); number != numbers.end() && value.is_number_unsigned()) {
      *number->second = value.get<int>();
    } else if (const auto flag = switches.find(name); flag != switches.end() && value.is_boolean()) {
      *flag->second = value.get<bool>();
    } else if (const auto file = files.find(name); file != files.end() && value.is_string()) {
      *file->second = value.get<std::string>();
    } else {
      throw DeliveriesBadSetting("unknown delivery setting or wrong type: " + name);
    }
  }
  if (settings.concurrency < 1 || settings.concurrency > kMostConnections) {
    throw DeliveriesBadSetting(fmt::format("concurrency must be from 1 to {}", kMostConnections));
  }
  return settings;
}

tl::expected<void, std::string> Deliveries::Set(const Json& json) {
  try {
    const std::lock_guard lock(mutex_);
    settings_ = Parse(settings_, json);
    StartThreads();
  } catch (const DeliveriesBadSetting& wrong) {
    return tl::unexpected{std::string{wrong.what()}};
  }
  changed_.notify_all();
  return {};
}

Json Deliveries::Get() const {
  const std::lock_guard lock(mutex_);
  return {{"duplicate", settings_.duplicate},
          {"duplicate_spread_ms", settings_.duplicate_spread_ms},
          {"reorder", settings_.reorder},
          {"reorder_ms", settings_.reorder_ms},
          {"loss", settings_.loss},
          {"delay_ms", settings_.delay_ms},
          {"delay_jitter_ms", settings_.delay_jitter_ms},
          {"concurrency", settings_.concurrency},
          {"timeout_ms", settings_.timeout_ms},
          {"retries", settings_.retries},
          {"retry_delay_ms", settings_.retry_delay_ms},
          {"paused", settings_.paused},
          {"verify_tls", settings_.verify_tls},
          {"ca_file", settings_.ca_file},
          {"client_certificate", settings_.client_certificate},
          {"client_key", settings_.client_key}};
}

void Deliveries::Schedule(Delivery delivery, std::chrono::milliseconds after) {
  waiting_.emplace(std::chrono::steady_clock::now() + after, std::move(delivery));
  changed_.notify_one();
}

void Deliveries::Post(const std::string& webhook_id, const std::string& url, const std::string& body) {
  const std::lock_guard lock(mutex_);
  ++counters_.announced;
  if (dice_.Chance(settings_.loss)) {
    ++counters_.lost_on_purpose;
    return;
  }
  int after = settings_.delay_ms + Throw(settings_.delay_jitter_ms);
  if (dice_.Chance(settings_.reorder)) after += Throw(settings_.reorder_ms);
  Schedule({webhook_id, url, body}, std::chrono::milliseconds{after});
  if (dice_.Chance(settings_.duplicate)) {
    ++counters_.duplicates;
    Schedule({webhook_id, url, body}, std::chrono::milliseconds{after + Throw(settings_.duplicate_spread_ms)});
  }
}

void Deliveries::Work() {
  Connection connection(stopping_);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (settings_.paused || waiting_.empty() || under_way_ >= settings_.concurrency) {
      changed_.wait(lock);
      continue;
    }
    const auto next = waiting_.begin();
    if (next->first > std::chrono::steady_clock::now()) {
      changed_.wait_until(lock, Moment{next->first});
      continue;
    }
    Delivery delivery = std::move(next->second);
    waiting_.erase(next);
    ++under_way_;
    changed_.notify_one();  // someone else must watch over the next one
    const Settings settings = settings_;
    lock.unlock();
    const long status = connection.Post(delivery, settings);
    lock.lock();
    Settle(std::move(delivery), status);
    --under_way_;
    changed_.notify_one();
  }
}

void Deliveries::Settle(Delivery delivery, long status) {
  ++counters_.sent;
  ++counters_.statuses[status];
  const bool succeeded = status >= 200 && status < 300;
  ++(succeeded ? counters_.succeeded : status == 0 ? counters_.failed : counters_.refused);
  if (recent_.size() == kRecentKept) recent_.pop_front();
  recent_.push_back({{"webhook_id", delivery.webhook_id},
                     {"url", delivery.url},
                     {"body", delivery.body},
                     {"attempt", delivery.attempt},
                     {"status", status}});
  if (succeeded || delivery.attempt > settings_.retries) return;
  ++counters_.retried;
  ++delivery.attempt;
  Schedule(std::move(delivery), std::chrono::milliseconds{settings_.retry_delay_ms});
}

bool Deliveries::Idle() const {
  const std::lock_guard lock(mutex_);
  return waiting_.empty() && under_way_ == 0;
}

Json Deliveries::Statistics() const {
  const std::lock_guard lock(mutex_);
  Json statuses = Json::object();
  for (const auto& [status, count] : counters_.statuses) statuses[std::to_string(status)] = count;
  return {{"announced", counters_.announced},
          {"lost_on_purpose", counters_.lost_on_purpose},
          {"duplicates", counters_.duplicates},
          {"sent", counters_.sent},
          {"succeeded", counters_.succeeded},
          {"refused", counters_.refused},
          {"failed", counters_.failed},
          {"retried", counters_.retried},
          {"statuses", statuses},
          {"waiting", waiting_.size()},
          {"under_way", under_way_}};
}

void Deliveries::ResetStatistics() {
  const std::lock_guard lock(mutex_);
  counters_ = {};
  recent_.clear();
}

Json Deliveries::Recent() const {
  const std::lock_guard lock(mutex_);
  return Json(recent_);
}

}  // namespace membridge::mem0_sim
