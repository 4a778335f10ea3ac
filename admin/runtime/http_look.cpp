#include "admin/runtime/http_look.hpp"

#include <curl/curl.h>

#include <memory>

namespace membridge::admin {
namespace {

constexpr std::size_t kLargestLook = 1 << 20;

std::size_t Collect(char* data, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + size * count > kLargestLook) return 0;  // makes curl give up
  body.append(data, size * count);
  return size * count;
}

}  // namespace

HttpLook LookAt(const std::string& url, std::chrono::milliseconds patience) {
  HttpLook look;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl{curl_easy_init(), &curl_easy_cleanup};
  if (!curl) return {0, {}, "curl cannot be started"};
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(patience.count()));
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &Collect);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &look.body);
  const CURLcode outcome = curl_easy_perform(curl.get());
  if (outcome != CURLE_OK)
    look.error = curl_easy_strerror(outcome);
  else
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &look.status);
  return look;
}

}  // namespace membridge::admin
