// Operations that show what this state may write to: the ledgers of targets and the projects at Mem0.
#include "admin/api/context.hpp"
#include "admin/runtime/ledgers.hpp"
#include "sync/queue/known_projects.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;

Answer ListTargets(const Parts& parts) {
  ordered_json targets = ordered_json::array();
  for (const TargetStanding& standing : LookAtLedgers(parts.config, parts.databases)) targets.push_back(ViewOf(standing));
  return ordered_json{{"targets", std::move(targets)}};
}

Answer AdoptOneTarget(Call& call, const Parts& parts) {
  call.object = call.Path("target");
  const auto adopted = AdoptTarget(parts.config, parts.databases, call.object);
  if (!adopted) return Refuse(adopted.error());
  call.detail["adopted"] = *adopted;
  parts.wake_workers();
  return ordered_json{{"target", call.object}, {"adopted", *adopted}};
}

Answer AdoptProject(Call& call, const Parts& parts) {
  const auto project = ProjectOf(parts.config, call.Path("project"));
  if (!project) return tl::unexpected<Problem>(project.error());
  call.object = call.Path("project");
  const auto account = AccountOf(**project, 1, std::chrono::seconds{10});
  if (!account) return RefuseFromMem0(account.error(), {});
  const bool adopted = sync::KnownProjects{call.state}.Adopt((*project)->id, *account);
  call.detail = {{"org_id", account->org_id}, {"project_id", account->project_id}, {"adopted", adopted}};
  parts.wake_workers();
  return ordered_json{
      {"project", call.object}, {"org_id", account->org_id}, {"project_id", account->project_id}, {"adopted", adopted}};
}

}  // namespace

void AddTargetCalls(Handlers& handlers, const Parts& parts) {
  handlers["listTargets"] = [&parts](Call&) { return ListTargets(parts); };
  handlers["adoptTarget"] = [&parts](Call& call) { return AdoptOneTarget(call, parts); };
  handlers["adoptProject"] = [&parts](Call& call) { return AdoptProject(call, parts); };
}

}  // namespace membridge::admin::api
