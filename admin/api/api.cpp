#include "admin/api/api.hpp"

#include <set>
#include <stdexcept>
#include <utility>

#include "admin/api/origin.hpp"
#include "admin/runtime/periodic.hpp"
#include "mappings/base/exact_json.hpp"
#include "mappings/base/log.hpp"
#include "mappings/memory.hpp"

namespace membridge::admin::api {
namespace {

using receiver::http::Reply;
using receiver::http::Request;
using receiver::http::Response;

constexpr std::string_view kBearer = "Bearer ";
constexpr std::size_t kLongestObject = 255;
/// Operations that wait for target tables or for Mem0, besides those of mappings and webhooks.
const std::set<std::string, std::less<>> kSlowOperations{
    "readMemory",   "readMemoryRecord", "readMemoryHistory", "readLineage", "why",        "listTargets", "adoptTarget",
    "adoptProject", "listFeeds",        "readFeed",          "pauseFeed",   "resumeFeed", "replayFeed",  "testFeed"};

Response Respond(int status, const nlohmann::ordered_json& body) {
  Response response{.status = status, .body = mappings::ExactText(body)};
  // These headers protect browsers that come here in another way than through the bridge's page.
  response.headers = {{"X-Content-Type-Options", "nosniff"},
                      {"Cache-Control", "no-store"},
                      {"X-Frame-Options", "DENY"},
                      {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
                      {"Cross-Origin-Resource-Policy", "same-origin"},
                      {"Referrer-Policy", "no-referrer"}};
  return response;
}

Response Respond(const Problem& problem) {
  nlohmann::ordered_json body{{"code", problem.code}, {"message", problem.message}, {"hint", problem.hint}};
  if (!problem.fields.empty()) body["fields"] = problem.fields;
  if (problem.count) body["count"] = *problem.count;
  Response response = Respond(problem.status, body);
  if (problem.status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer realm=\"membridge\""});
  if (problem.retry_after) response.headers.push_back({"Retry-After", *problem.retry_after});
  return response;
}

Problem Busy() {
  return {.status = 503,
          .code = "unavailable",
          .message = "too many requests are being worked on",
          .hint = "try again shortly",
          .retry_after = "1"};
}

Problem CrossSite() {
  return {.status = 403,
          .code = "cross_site",
          .message = "the request comes from a page of another site",
          .hint = "open the page of this listener itself, or use a program"};
}

Problem Unauthorized(std::string message) {
  return {.status = 401,
          .code = "unauthorized",
          .message = std::move(message),
          .hint = "send Authorization: Bearer …; membridge tokens create makes a token"};
}

Problem NotRecorded() {
  return {.status = 500,
          .code = "not_recorded",
          .message = "it was done, but the audit could not be written",
          .hint = "the log holds the entry; see whether the database is well"};
}

Problem FromSql(const sync::postgres::SqlFailure& failure) {
  // 57014: the bridge's own statement_timeout.
  if (failure.fields().sqlstate == "57014")
    return {.status = 503,
            .code = "unavailable",
            .message = "the database took too long",
            .hint = "ask for less: a shorter time, a narrower filter",
            .retry_after = "5"};
  // 55P03: the bridge's own lock_timeout.
  if (failure.fields().sqlstate == "55P03") return RefuseLocked("another session holds a lock that this needs").value();
  if (failure.IsTransient())
    return {.status = 503,
            .code = "unavailable",
            .message = "the state database is away",
            .hint = "try again shortly",
            .retry_after = "2"};
  return {.status = 500,
          .code = "internal",
          .message = "the database refused: " + std::string{failure.what()},
          .hint = "see the log"};
}

Problem FromFields(FieldProblems fields) {
  std::string message = InWords(fields);
  return {.status = 400,
          .code = "bad_request",
          .message = std::move(message),
          .hint = "see fields, and /api/v1/openapi.json",
          .fields = std::move(fields)};
}

/// Returns the bearer token of the header; nothing when there is none or its length is not possible for a token.
std::optional<std::string> BearerOf(const Request& request) {
  const auto header = request.Find("Authorization");
  if (!header || header->size() <= kBearer.size() || header->size() > 4096) return std::nullopt;
  if (!receiver::http::EqualsIgnoringCase(std::string_view{*header}.substr(0, kBearer.size()), kBearer)) return std::nullopt;
  return header->substr(kBearer.size());
}

AuditEntry::Outcome OutcomeOf(int status) {
  if (status < 300) return AuditEntry::Outcome::kDone;
  return status < 500 ? AuditEntry::Outcome::kRefused : AuditEntry::Outcome::kFailed;
}

bool IsJson(const Request& request) {
  const std::string type = request.Find("Content-Type").value_or("");
  return receiver::http::EqualsIgnoringCase(std::string_view{type}.substr(0, type.find_first_of("; ")), "application/json");
}

}  // namespace

/// One request while it is handled. The views of `found` point into `request`.
struct Api::Arrival {
  Request request;
  std::string source{};  ///< the client's address
  Document::Found found{};
  std::optional<std::string> token{};
  bool is_cross_site = false;

  /// Returns the request's action for the audit.
  std::string Action() const {
    if (found.operation == nullptr) return "unknown";
    return found.operation->audit.empty() ? found.operation->id : found.operation->audit;
  }
};

Api::Api(Options options, const std::string& state_dsn, Handlers handlers, const Clock& clock)
    : document_(OpenApiText()),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      clock_(clock),
      throttle_(options_.throttle),
      pool_(state_dsn, options_.threads, options_.most_waiting),
      kept_free_pool_(state_dsn, options_.kept_free_threads, options_.most_waiting),
      slow_pool_(state_dsn, options_.slow_threads, options_.most_waiting) {
  std::set<std::string> unknown;
  for (const auto& [id, ignored] : handlers_) unknown.insert(id);
  for (const Operation& operation : document_.Operations()) {
    if (unknown.erase(operation.id) == 0) throw std::logic_error("the document's operation " + operation.id + " has no handler");
  }
  if (!unknown.empty()) throw std::logic_error("the document has no operation " + *unknown.begin());
}

Api::~Api() = default;

void Api::AddTo(receiver::http::Router& router) {
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    router.Add(
        method, receiver::http::PathPattern{std::string{kPrefix} + "/{path...}"},
        [this](Request&& request, auto&&, const Reply& reply) { Receive(std::move(request), reply); },
        [this](const Request& head, auto&&) { return CheckHead(head); });
  }
}

void Api::Stop() {
  slow_pool_.Stop();
  pool_.Stop();
  kept_free_pool_.Stop();
}

WorkPool& Api::PoolFor(const Operation* operation) {
  if (operation == nullptr) return pool_;
  if (operation->id == "readSession" || operation->tag == "tokens") return kept_free_pool_;
  return operation->tag == "mappings" || operation->tag == "webhooks" || operation->tag == "mem0" ||
                 kSlowOperations.contains(operation->id)
             ? slow_pool_
             : pool_;
}

std::string Api::SourceOf(const Request& request) const {
  const auto address = receiver::ClientAddress(request, options_.trusted_proxies);
  return address ? receiver::TextOf(*address) : request.peer_address;
}

std::optional<Problem> Api::ShutOut(const std::string& source) {
  const auto wait = throttle_.ShutOut(source);
  if (!wait) return std::nullopt;
  Problem shut_out{.status = 429,
                   .code = "too_many_attempts",
                   .message = "too many failed logins",
                   .hint = "wait as Retry-After says, then use a right token"};
  shut_out.retry_after = std::to_string(wait->count());
  return shut_out;
}

receiver::http::HeadVerdict Api::CheckHead(const Request& head) {
  if (const auto shut_out = ShutOut(SourceOf(head))) return {.refusal = Respond(*shut_out)};
  // A request from another site's page has no token. It is refused later, with an entry in the audit, which needs the whole
  // request.
  if (!IsCrossSite(head) && !BearerOf(head)) return {.refusal = Respond(Unauthorized("a bearer token is needed"))};
  return {};
}

void Api::Receive(Request&& request, const Reply& reply) {
  auto arrival = std::make_shared<Arrival>(Arrival{.request = std::move(request)});
  arrival->source = SourceOf(arrival->request);
  if (const auto shut_out = ShutOut(arrival->source)) return reply.Send(Respond(*shut_out));
  arrival->found = document_.Find(arrival->request.method, std::string_view{arrival->request.target}.substr(kPrefix.size()));
  arrival->token = BearerOf(arrival->request);
  arrival->is_cross_site = IsCrossSite(arrival->request);
  // Answer requests that need no database here, so that unknown callers do not occupy the pool.
  const bool changes = arrival->found.operation != nullptr && !arrival->found.operation->audit.empty();
  if (arrival->is_cross_site && !changes) return reply.Send(Respond(CrossSite()));
  if (!arrival->is_cross_site && !arrival->token) return reply.Send(Respond(Unauthorized("a bearer token is needed")));
  const bool taken = PoolFor(arrival->found.operation).TryRun([this, arrival, reply](WorkPool::Connection& connection) {
    reply.Send(Serve(*arrival, connection));
  });
  if (!taken) reply.Send(Respond(Busy()));
}

Response Api::Serve(const Arrival& arrival, WorkPool::Connection& connection) {
  try {
    Answer answer = LetIn(arrival, connection.Get());
    if (!answer && answer.error().status == 405) {
      Response response = Respond(answer.error());
      std::string allow;
      for (const std::string& method : arrival.found.allowed) allow += (allow.empty() ? "" : ", ") + method;
      response.headers.push_back({"Allow", allow});
      return response;
    }
    return answer ? Respond(arrival.found.operation->status, *answer) : Respond(answer.error());
  } catch (const sync::postgres::SqlFailure& failure) {
    Log(failure.IsTransient() ? LogLevel::kWarn : LogLevel::kError, "admin_call_failed",
        {{"operation", arrival.Action()}, {"error", failure.what()}});
    return Respond(FromSql(failure));
  } catch (const std::exception& failure) {
    Log(LogLevel::kError, "admin_call_failed", {{"operation", arrival.Action()}, {"error", SafeNameOf(failure)}});
    return Respond(Problem{.status = 500, .code = "internal", .message = "the bridge failed", .hint = "see its log"});
  }
}

Answer Api::LetIn(const Arrival& arrival, sync::postgres::Session& state) {
  if (arrival.is_cross_site) {
    RecordAnonymous(arrival, state, arrival.Action(), CrossSite());
    return tl::unexpected<Problem>(CrossSite());
  }
  const auto caller = SignIn(arrival, state);
  if (!caller) {
    throttle_.NoteFailure(arrival.source);
    const Problem wrong = Unauthorized("the token is wrong, expired or revoked");
    RecordAnonymous(arrival, state, "login", wrong);
    return tl::unexpected<Problem>(wrong);
  }
  throttle_.NoteSuccess(arrival.source);
  if (arrival.found.operation != nullptr) return ForCaller(arrival, *caller, state);
  if (arrival.found.allowed.empty()) return Refuse(404, "not_found", "there is nothing at this path", "see /api/v1/openapi.json");
  return Refuse(405, "method_not_allowed", "this path does not take that method", "see Allow");
}

std::optional<Caller> Api::SignIn(const Arrival& arrival, sync::postgres::Session& state) {
  if (auto caller = FindConfigured(options_.tokens, *arrival.token)) {
    configured_use_.Note(state, caller->name);
    return caller;
  }
  return CallerByToken(state, *arrival.token);
}

std::optional<Problem> Api::Check(const Arrival& arrival, Call& call) const {
  const Operation& operation = *arrival.found.operation;
  FieldProblems problems;
  call.path = document_.ReadPath(operation, arrival.found.values, problems);
  if (call.caller.role < operation.role) {
    std::string needed{NameOf(operation.role)};
    return Problem{
        .status = 403, .code = "forbidden", .message = "this needs the role " + needed, .hint = "use a token with that role"};
  }
  if (arrival.request.body.size() > options_.largest_body)
    return Problem{.status = 413,
                   .code = "too_large",
                   .message = "the body is larger than " + std::to_string(options_.largest_body) + " bytes"};
  call.query = document_.ReadQuery(operation, arrival.request.query, problems);
  if (operation.body.is_null()) {
    if (!arrival.request.body.empty()) problems.emplace("body", "none is taken here");
  } else {
    if (!IsJson(arrival.request))
      return Problem{.status = 415,
                     .code = "unsupported_media_type",
                     .message = "the body must be JSON",
                     .hint = "send Content-Type: application/json"};
    call.body = mappings::ParseExact(arrival.request.body);
    if (call.body.is_discarded() || mappings::IsDeeperThan(call.body, 2 * mappings::kDeepestRecord))
      return Problem{.status = 400,
                     .code = "not_json",
                     .message = "the body is not JSON, or nested too deeply",
                     .hint = "send one JSON object in UTF-8"};
    document_.CheckBody(operation, call.body, problems);
  }
  if (problems.empty()) return std::nullopt;
  return FromFields(std::move(problems));
}

Answer Api::ForCaller(const Arrival& arrival, const Caller& caller, sync::postgres::Session& state) {
  const Operation& operation = *arrival.found.operation;
  Call call{.caller = caller,
            .state = state,
            .path = nlohmann::json::object(),
            .query = nlohmann::json::object(),
            .body = nullptr,
            .now = clock_.Now()};
  Answer answer = [&]() -> Answer {
    if (auto problem = Check(arrival, call)) return tl::unexpected<Problem>(std::move(*problem));
    try {
      return handlers_.find(operation.id)->second(call);
    } catch (const sync::postgres::SqlFailure& sql) {
      // Write the failure to the audit like any other, on a session that still works.
      Log(sql.IsTransient() ? LogLevel::kWarn : LogLevel::kError, "admin_call_failed",
          {{"operation", operation.id}, {"error", sql.what()}});
      return tl::unexpected<Problem>(FromSql(sql));
    }
  }();
  const int status = answer ? operation.status : answer.error().status;
  const bool is_wrong_role = !answer && answer.error().code == "forbidden";
  const bool to_record = is_wrong_role || (!operation.audit.empty() && !call.nothing_changed);
  if (!to_record) return answer;
  for (const auto& [name, value] : call.path.items()) {
    if (call.object.empty())
      call.object = (value.is_string() ? value.get<std::string>() : mappings::ExactText(value)).substr(0, kLongestObject);
  }
  if (!answer) call.detail["code"] = answer.error().code;
  try {
    if (!state.Usable()) return answer ? tl::unexpected<Problem>(NotRecorded()) : answer;
    AppendToAudit(state, {caller.Actor(), std::string{NameOf(caller.role)}, arrival.source, arrival.Action(), call.object,
                          OutcomeOf(status), call.detail});
  } catch (const sync::postgres::SqlFailure& sql) {
    Log(LogLevel::kError, "audit_not_written",
        {{"actor", caller.Actor()}, {"action", arrival.Action()}, {"object", call.object}, {"error", sql.what()}});
    if (answer) return tl::unexpected<Problem>(NotRecorded());
  }
  return answer;
}

void Api::RecordAnonymous(const Arrival& arrival, sync::postgres::Session& state, const std::string& action,
                          const Problem& problem) {
  AuditEntry entry{.actor = "anonymous",
                   .source = arrival.source,
                   .action = action,
                   .outcome = AuditEntry::Outcome::kRefused,
                   .detail = {{"code", problem.code}}};
  {
    const std::lock_guard lock{mutex_};
    const auto now = std::chrono::steady_clock::now();
    if (now - minute_began_ >= std::chrono::minutes{1}) {
      minute_began_ = now;
      entries_this_minute_ = 0;
    }
    // Limit the entries, so that unknown callers cannot fill the disk. The next entry says how many were left out.
    if (entries_this_minute_++ >= options_.most_anonymous_entries) {
      ++unrecorded_;
      return;
    }
    if (unrecorded_ > 0) entry.detail["unrecorded_before"] = std::exchange(unrecorded_, 0);
  }
  AppendToAudit(state, entry);
}

}  // namespace membridge::admin::api
