// The operation on the table of a self-hosted Mem0.
#include "admin/api/context.hpp"
#include "admin/runtime/source_check.hpp"

namespace membridge::admin::api {
namespace {

Answer CheckSourceOf(Call& call, const Parts& parts) {
  const auto project = ProjectOf(parts.config, call.Path("project"));
  if (!project) return tl::unexpected<Problem>(project.error());
  if (!(*project)->source)
    return Refuse(404, "not_found", "project " + call.Path("project") + " is at Mem0's Platform and has no source",
                  "GET /api/v1/session lists the projects that have one as self_hosted");
  return CheckSource(**project);
}

}  // namespace

void AddSourceCalls(Handlers& handlers, const Parts& parts) {
  handlers["checkSource"] = [&parts](Call& call) { return CheckSourceOf(call, parts); };
}

}  // namespace membridge::admin::api
