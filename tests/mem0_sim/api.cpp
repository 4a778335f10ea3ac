#include "tests/mem0_sim/api.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kHole = "{}";

std::string StandIns(std::string text) {
  // Bytes that are not UTF-8 would make every later dump throw; the journal shows them as U+FFFD.
  return Json::parse(Json(std::move(text)).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

bool Fits(const std::vector<std::string>& pattern, const std::vector<std::string>& segments, std::vector<std::string>& parts) {
  if (pattern.size() != segments.size()) return false;
  parts.clear();
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == kHole && !segments[i].empty()) {
      parts.push_back(segments[i]);
    } else if (pattern[i] != segments[i]) {
      return false;
    }
  }
  return true;
}

}  // namespace

Api::Api(Project& project) : project_(project) {
  for (auto routes : {AccountRoutes(), WebhookRoutes(), ListRoutes(), MemoryRoutes(), EntityRoutes(), ExportRoutes(),
                      ProfileRoutes(), ControlRoutes()}) {
    for (Route& route : routes) routes_.push_back({route, PathSegments(route.pattern)});
  }
}

const Api::Prepared* Api::Find(const Request& request, std::vector<std::string>& parts, bool& other_method) const {
  const std::vector<std::string> segments = PathSegments(request.target);
  for (const Prepared& candidate : routes_) {
    if (!Fits(candidate.segments, segments, parts)) continue;
    if (candidate.route.method == request.method) return &candidate;
    other_method = true;
  }
  return nullptr;
}

Answer Api::Perform(Project& project, const Prepared* route, const Request& request, std::vector<std::string> parts,
                    bool other_method) {
  if (route == nullptr && other_method)
    return WithStatus(405, {{"detail", fmt::format("Method \"{}\" not allowed.", request.method)}});
  if (route == nullptr) return WithStatus(404, {{"detail", "Not found."}});
  Call call{request, std::move(parts), QueryOf(request.target), nullptr};
  if (!request.body.empty()) {
    call.body = Json::parse(request.body, nullptr, false);
    if (call.body.is_discarded())
      return WithStatus(400, {{"detail", "JSON parse error - Expecting value: line 1 column 1 (char 0)"}});
    if (!call.body.is_object() && !call.body.is_null()) {
      return WithStatus(
          400, {{"non_field_errors", {fmt::format("Invalid data. Expected a dictionary, but got {}.", call.body.type_name())}}});
    }
  }
  if (call.body.is_null()) call.body = Json::object();
  try {
    return route->route.handle(project, call);
  } catch (const Json::exception& wrong) {
    // A field of a type no handler expected: Mem0 would answer with its serializer's words, which nobody knows.
    return WithStatus(400, {{"error", std::string{"Invalid data: "} + wrong.what()}});
  }
}

Reply Api::Serve(const Request& request) {
  std::vector<std::string> parts;
  bool other_method = false;
  const Prepared* route = Find(request, parts, other_method);
  const bool control = request.target.rfind("/_sim/", 0) == 0;
  if (control) return {Perform(project_, route, request, std::move(parts), other_method)};

  const std::string endpoint = route != nullptr ? route->route.endpoint : "unknown";
  Faults::Fate fate = project_.faults.Decide(endpoint);
  Reply reply{{}, fate.ending, fate.delay_ms};
  constexpr std::string_view kToken = "Token ";
  const std::string authorization = request.Header("Authorization").value_or("");
  Project* const project = authorization.starts_with(kToken) ? project_.OfKey(authorization.substr(kToken.size())) : nullptr;
  if (fate.instead && !fate.performed) {
    reply.answer = std::move(*fate.instead);
  } else if (project == nullptr) {
    reply.answer = WithStatus(401, InvalidKeyBody());
  } else {
    reply.answer = Perform(*project, route, request, std::move(parts), other_method);
    if (fate.instead) reply.answer = std::move(*fate.instead);
  }
  Request shown = request;
  shown.body = StandIns(std::move(shown.body));
  project_.journal.Write(endpoint, shown, reply.ending == Ending::kWhole ? reply.answer.status : 0);
  return reply;
}

}  // namespace membridge::mem0_sim
