#include "admin/api/call.hpp"

#include <utility>

#include "admin/shown/filters.hpp"

namespace membridge::admin::api {
namespace {

/// Long enough for every page that an operator waits for, and short enough that an endless search does not block a thread.
constexpr const char* kStatementPatience = "SET LOCAL statement_timeout = '15s'";

}  // namespace

tl::unexpected<Problem> Refuse(int status, std::string code, std::string message, std::string hint) {
  return tl::unexpected<Problem>(
      Problem{.status = status, .code = std::move(code), .message = std::move(message), .hint = std::move(hint)});
}

tl::unexpected<Problem> RefuseField(std::string field, std::string problem) {
  Problem refusal{.status = 400, .code = "bad_request", .message = field + " " + problem, .hint = "see fields"};
  refusal.fields.emplace(std::move(field), std::move(problem));
  return tl::unexpected<Problem>(std::move(refusal));
}

tl::unexpected<Problem> Refuse(const Error& error) {
  Problem problem{.status = 500, .code = "internal", .message = error.message, .hint = error.hint};
  switch (error.code) {
    case ErrorCode::kNotFound:
      problem.status = 404;
      problem.code = "not_found";
      break;
    case ErrorCode::kUnavailable:
    case ErrorCode::kBusy:
      problem.status = 503;
      problem.code = "unavailable";
      problem.retry_after = "2";
      break;
    case ErrorCode::kBadDelivery:
      problem.status = 400;
      problem.code = "bad_request";
      break;
    case ErrorCode::kUnauthorized:
    case ErrorCode::kBadMapping:
    case ErrorCode::kRowRejected:
    case ErrorCode::kRefused:
      problem.status = 409;
      problem.code = "conflict";
      break;
  }
  return tl::unexpected<Problem>(std::move(problem));
}

tl::unexpected<Problem> RefuseLocked(std::string message) {
  auto refusal =
      Refuse(503, "locked", std::move(message), "try again when it is free; pg_stat_activity and pg_locks tell who holds it");
  refusal.value().retry_after = "5";
  return refusal;
}

std::optional<std::string> Call::Query(const char* name) const {
  return Given<std::string>(query, name);
}

sync::postgres::Transaction Call::Begin() {
  sync::postgres::Transaction transaction = state.Begin();
  transaction.Run(kStatementPatience);
  return transaction;
}

tl::expected<std::optional<Instant>, Problem> TimeIn(const nlohmann::json& values, const char* name, Instant now) {
  const auto text = Call::Given<std::string>(values, name);
  if (!text) return std::optional<Instant>{};
  auto time = ParseWhen(*text, now);
  if (!time) return RefuseField(name, "must be a time: 2026-03-01T09:00:00Z, a day, or an age such as 2h");
  return time;
}

nlohmann::ordered_json TimeOrNull(const std::optional<Instant>& time) {
  return time ? nlohmann::ordered_json(FormatRfc3339(*time)) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json TextOrNull(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
}

}  // namespace membridge::admin::api
