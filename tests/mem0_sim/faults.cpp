#include "tests/mem0_sim/faults.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <stdexcept>

#include "tests/mem0_sim/calendar.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

constexpr const char* kHtml =
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad "
    "Gateway</h1></center>\r\n</body>\r\n</html>\r\n";

/// Thrown inside this file only.
struct FaultsBadSetting : std::runtime_error {
  using std::runtime_error::runtime_error;
};

double Share(const std::string& name, const Json& value) {
  if (!value.is_number() || value.get<double>() < 0 || value.get<double>() > 1)
    throw FaultsBadSetting(name + " must be a number from 0 to 1");
  return value.get<double>();
}

int Whole(const std::string& name, const Json& value) {
  if (!value.is_number_integer() || value.get<int>() < 0) throw FaultsBadSetting(name + " must be a whole number, not negative");
  return value.get<int>();
}

std::string OneOf(const std::string& name, const Json& value, const std::set<std::string>& allowed) {
  if (!value.is_string() || allowed.count(value.get<std::string>()) == 0)
    throw FaultsBadSetting(fmt::format("{}: unknown value", name));
  return value.get<std::string>();
}

}  // namespace

Json InvalidKeyBody() {
  return {{"detail", "Invalid API key. You can find your API key on https://app.mem0.ai/dashboard/api-keys."}};
}

Faults::Settings Faults::Parse(Settings settings, const Json& json) {
  const std::map<std::string, double*> shares{{"rate_limited", &settings.rate_limited},
                                              {"server_error", &settings.server_error},
                                              {"html", &settings.html},
                                              {"reset", &settings.reset},
                                              {"truncated", &settings.truncated},
                                              {"never", &settings.never},
                                              {"lost_answer", &settings.lost_answer},
                                              {"stale_share", &settings.stale_share}};
  const std::map<std::string, int*> numbers{
      {"server_error_status", &settings.server_error_status}, {"latency_ms", &settings.latency_ms},
      {"latency_jitter_ms", &settings.latency_jitter_ms},     {"stale_ms", &settings.stale_ms},
      {"calls_per_second", &settings.calls_per_second},       {"retry_after_seconds", &settings.retry_after_seconds}};
  for (const auto& [name, value] : json.items()) {
    if (const auto share = shares.find(name); share != shares.end()) {
      *share->second = Share(name, value);
    } else if (const auto number = numbers.find(name); number != numbers.end()) {
      *number->second = Whole(name, value);
    } else if (name == "retry_after") {
      settings.retry_after = OneOf(name, value, {"absent", "seconds", "date"});
    } else if (name == "unauthorized" && value.is_boolean()) {
      settings.unauthorized = value.get<bool>();
    } else if (name == "endpoints" && value.is_array()) {
      settings.endpoints = value.get<std::set<std::string>>();
    } else if (name != "next") {
      throw FaultsBadSetting("unknown fault or wrong type: " + name);
    }
  }
  return settings;
}

Faults::Scripted Faults::ParseScripted(const Json& json) {
  Scripted scripted{json.value("endpoint", std::string{}), json.value("times", 1), {}, json.value("performed", false)};
  scripted.answer.status = json.value("status", 500);
  if (json.contains("body"))
    scripted.answer.body = json["body"].is_string() ? json["body"].get<std::string>() : json["body"].dump();
  scripted.answer.content_type = json.value("content_type", scripted.answer.content_type);
  const Json headers = json.value("headers", Json::object());
  for (const auto& [name, value] : headers.items()) scripted.answer.headers.emplace_back(name, value);
  return scripted;
}

tl::expected<void, std::string> Faults::Set(const Json& json) {
  try {
    const Settings changed = Parse(settings_, json);
    std::deque<Scripted> scripted = scripted_;
    if (json.contains("next")) {
      scripted.clear();
      for (const Json& item : json["next"]) scripted.push_back(ParseScripted(item));
    }
    settings_ = changed;
    scripted_ = std::move(scripted);
    return {};
  } catch (const FaultsBadSetting& wrong) {
    return tl::unexpected{std::string{wrong.what()}};
  } catch (const Json::exception& wrong) {
    return tl::unexpected{std::string{wrong.what()}};
  }
}

Json Faults::Get() const {
  return {{"rate_limited", settings_.rate_limited},
          {"retry_after", settings_.retry_after},
          {"retry_after_seconds", settings_.retry_after_seconds},
          {"server_error", settings_.server_error},
          {"server_error_status", settings_.server_error_status},
          {"html", settings_.html},
          {"reset", settings_.reset},
          {"truncated", settings_.truncated},
          {"never", settings_.never},
          {"lost_answer", settings_.lost_answer},
          {"latency_ms", settings_.latency_ms},
          {"latency_jitter_ms", settings_.latency_jitter_ms},
          {"stale_ms", settings_.stale_ms},
          {"stale_share", settings_.stale_share},
          {"calls_per_second", settings_.calls_per_second},
          {"unauthorized", settings_.unauthorized},
          {"endpoints", settings_.endpoints},
          {"scripted_left", scripted_.size()}};
}

void Faults::Clear() {
  settings_ = {};
  scripted_.clear();
  recent_calls_.clear();
}

Answer Faults::RateLimited() const {
  Answer answer = WithStatus(
      429, {{"detail", fmt::format("Request was throttled. Expected available in {} seconds.", settings_.retry_after_seconds)}});
  if (settings_.retry_after == "seconds")
    answer.headers.emplace_back("Retry-After", std::to_string(settings_.retry_after_seconds));
  if (settings_.retry_after == "date") {
    const auto then = std::chrono::system_clock::now() + std::chrono::seconds{settings_.retry_after_seconds};
    answer.headers.emplace_back("Retry-After", FormatHttpDate(std::chrono::ceil<std::chrono::seconds>(then)));
  }
  return answer;
}

Answer Faults::ServerError() {
  static constexpr std::array kStatuses{500, 502, 503, 504};
  const int status =
      settings_.server_error_status != 0 ? settings_.server_error_status : kStatuses[dice_.Below(kStatuses.size())];
  return WithStatus(status, {{"error", "An unexpected error occurred."}});
}

bool Faults::OverTheLimit() {
  if (settings_.calls_per_second == 0) return false;
  const auto now = std::chrono::steady_clock::now();
  while (!recent_calls_.empty() && recent_calls_.front() + std::chrono::seconds{1} < now) recent_calls_.pop_front();
  if (recent_calls_.size() >= static_cast<std::size_t>(settings_.calls_per_second)) return true;
  recent_calls_.push_back(now);
  return false;
}

Faults::Fate Faults::Decide(const std::string& endpoint) {
  Fate fate;
  if (!settings_.endpoints.empty() && settings_.endpoints.count(endpoint) == 0) return fate;
  fate.delay_ms =
      settings_.latency_ms + static_cast<int>(dice_.Below(static_cast<std::uint64_t>(settings_.latency_jitter_ms) + 1));
  for (auto scripted = scripted_.begin(); scripted != scripted_.end(); ++scripted) {
    if (!scripted->endpoint.empty() && scripted->endpoint != endpoint) continue;
    fate.instead = scripted->answer;
    fate.performed = scripted->performed;
    if (--scripted->times <= 0) scripted_.erase(scripted);
    return fate;
  }
  if (settings_.unauthorized) {
    fate.instead = WithStatus(401, InvalidKeyBody());
  } else if (OverTheLimit() || dice_.Chance(settings_.rate_limited)) {
    fate.instead = RateLimited();
  } else if (dice_.Chance(settings_.server_error)) {
    fate.instead = ServerError();
  } else if (dice_.Chance(settings_.html)) {
    fate.instead = WithStatus(502, nullptr);
    fate.instead->body = kHtml;
    fate.instead->content_type = "text/html";
  } else if (dice_.Chance(settings_.reset)) {
    fate.instead = Answer{};
    fate.ending = Ending::kReset;
  } else if (dice_.Chance(settings_.never)) {
    fate.instead = Answer{};
    fate.ending = Ending::kNever;
  } else if (dice_.Chance(settings_.lost_answer)) {
    fate.ending = Ending::kReset;
  } else if (dice_.Chance(settings_.truncated)) {
    fate.ending = Ending::kTruncated;
  }
  return fate;
}

std::optional<std::chrono::milliseconds> Faults::Lag() {
  if (settings_.stale_ms == 0 || !dice_.Chance(settings_.stale_share)) return std::nullopt;
  return LongestLag();
}

}  // namespace membridge::mem0_sim
