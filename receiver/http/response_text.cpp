#include "receiver/http/response_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>

namespace membridge::receiver::http {
namespace {

std::string_view ReasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

bool IsOurs(std::string_view name) {
  static constexpr std::array<std::string_view, 5> kOurs{"Content-Length", "Connection", "Date", "Transfer-Encoding",
                                                         "Keep-Alive"};
  return std::any_of(kOurs.begin(), kOurs.end(), [&](std::string_view ours) { return EqualsIgnoringCase(ours, name); });
}

bool IsPlain(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

}  // namespace

std::string FormatResponse(const Response& response, const Framing& framing) {
  const bool bodiless = response.status == 204 || response.status == 304;
  std::string text;
  text.reserve(256 + response.body.size());
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status, ReasonOf(response.status), framing.date);
  if (!response.content_type.empty() && !bodiless && IsPlain(response.content_type)) {
    fmt::format_to(out, "Content-Type: {}\r\n", response.content_type);
  }
  for (const Header& header : response.headers) {
    if (header.name.empty() || IsOurs(header.name) || !IsPlain(header.name) || !IsPlain(header.value)) continue;
    fmt::format_to(out, "{}: {}\r\n", header.name, header.value);
  }
  if (!bodiless) fmt::format_to(out, "Content-Length: {}\r\n", response.body.size());
  if (!framing.keep_alive) {
    text += "Connection: close\r\n";
  } else if (framing.http_1_0) {
    text += "Connection: keep-alive\r\n";
  }
  text += "\r\n";
  if (!bodiless && !framing.without_body) text += response.body;
  return text;
}

std::string_view CurrentDate() {
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  thread_local std::time_t formatted = -1;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != formatted) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    text = fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                       kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    formatted = now;
  }
  return text;
}

}  // namespace membridge::receiver::http
