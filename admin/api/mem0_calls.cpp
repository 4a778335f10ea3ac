// Operations at Mem0, made from the table of sync/mem0.
#include "admin/access/operation_audit.hpp"
#include "admin/api/context.hpp"
#include "admin/api/counted_actions.hpp"
#include "admin/api/mem0_document.hpp"
#include "sync/mem0/answer.hpp"
#include "sync/mem0/api_requests.hpp"
#include "sync/queue/marking.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using sync::mem0::ApiOperation;
using sync::mem0::Client;

/// Returns the arguments of an operation: what path, query and body say, without the parts that are the API's own.
json ArgumentsOf(const Call& call) {
  json arguments = json::object();
  for (const json* part : {&call.path, &call.query, &call.body}) {
    if (part->is_object()) arguments.update(*part);
  }
  for (const char* own : {"project", "dry_run", "expected_count"}) arguments.erase(own);
  return arguments;
}

tl::unexpected<Problem> RefuseArguments(const sync::mem0::ArgumentProblems& problems) {
  const FieldProblems fields{problems.begin(), problems.end()};
  auto refusal = Refuse(400, "bad_request", InWords(fields), "see fields, and /api/v1/openapi.json");
  refusal.value().fields = fields;
  return refusal;
}

tl::unexpected<Problem> RefuseOperation(const Error& error, const ApiOperation& operation, const json& arguments,
                                        const Client& client) {
  auto refusal = RefuseFromMem0(error, client);
  if (refusal.value().status == 422 || refusal.value().status == 404) {
    const auto fields = ByParameter(operation, arguments, client.LastFailure(), error.message);
    refusal.value().fields = {fields.begin(), fields.end()};
  }
  return refusal;
}

/// Counts what would be destroyed. Returns nothing when it may be done, else the answer.
std::optional<Answer> CountFirst(Call& call, const ApiOperation& operation, const json& arguments, Client& client) {
  const json& asked = call.body.is_object() ? call.body : call.query;
  const auto intent = IntentOf(asked);
  if (!intent) return tl::unexpected<Problem>(intent.error());
  const auto meant = client.CountMeant(operation, arguments);
  if (!meant) return RefuseOperation(meant.error(), operation, arguments, client);
  if (*intent == Intent::kCount) {
    call.nothing_changed = true;
    return ordered_json{{"count", meant->count}, {"of", meant->of}, {"done", false}};
  }
  if (auto outgrown = Outgrown(asked, meant->count)) return tl::unexpected<Problem>(std::move(*outgrown));
  call.detail["count"] = meant->count;
  return std::nullopt;
}

/// Marks the memories dirty, so that their rows change without waiting for a delivery.
void LetRowsFollow(Call& call, const Parts& parts, const ApiOperation& operation, const json& arguments,
                   const ordered_json& answer) {
  const ProjectId project{call.Path("project")};
  std::vector<std::pair<ProjectId, MemoryId>> memories;
  for (const MemoryId& memory : MemoriesIn(operation, arguments)) memories.emplace_back(project, memory);
  if (operation.verb == "add" && answer.is_object()) {
    for (const ordered_json& result : answer.value("results", ordered_json::array())) {
      if (const auto id = sync::mem0::TextAt(result, "id")) memories.emplace_back(project, MemoryId{*id});
    }
  }
  if (memories.empty()) return;
  sync::MarkInSlices(call.state, std::move(memories), "manual");
  parts.wake_workers();
}

Answer CarryOut(Call& call, const Parts& parts, const ApiOperation& operation, const Handler& by_the_bridge) {
  const auto client = parts.Mem0For(ProjectId{call.Path("project")});
  if (!client) return tl::unexpected<Problem>(client.error());
  const json arguments = ArgumentsOf(call);
  call.object = call.Path("project");
  call.detail = AuditedArguments(operation, arguments);
  if (const auto problems = ProblemsWith(operation, arguments); !problems.empty()) return RefuseArguments(problems);
  if (operation.Destroys()) {
    if (auto counted = CountFirst(call, operation, arguments, **client)) return std::move(*counted);
  }
  if (by_the_bridge) return by_the_bridge(call);
  auto answer = (*client)->Perform(operation, arguments);
  if (!answer) return RefuseOperation(answer.error(), operation, arguments, **client);
  if (operation.effect != ApiOperation::Effect::kReads && operation.noun == "memory")
    LetRowsFollow(call, parts, operation, arguments, *answer);
  return std::move(*answer);
}

/// Returns the handler of the bridge's own operation on webhooks that a line of the table stands for.
Handler ByTheBridge(const ApiOperation& operation, const Handlers& handlers) {
  if (!operation.is_the_bridges) return {};
  if (operation.verb == "create") return handlers.at("createWebhook");
  if (operation.verb == "update") return handlers.at("updateWebhook");
  if (operation.verb == "delete") return handlers.at("deleteWebhook");
  return [survey = handlers.at("surveyWebhooks")](Call& call) -> Answer {
    Answer answer = survey(call);
    return answer ? Answer{std::move((*answer)["webhooks"])} : answer;
  };
}

}  // namespace

void AddMem0Calls(Handlers& handlers, const Parts& parts) {
  for (const ApiOperation& operation : sync::mem0::ApiOperations()) {
    handlers[RouteOf(operation).id] = [&parts, &operation, by_the_bridge = ByTheBridge(operation, handlers)](Call& call) {
      return CarryOut(call, parts, operation, by_the_bridge);
    };
  }
}

}  // namespace membridge::admin::api
