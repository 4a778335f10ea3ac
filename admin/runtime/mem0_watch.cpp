#include "admin/runtime/mem0_watch.hpp"

namespace membridge::admin {
namespace {

std::map<ProjectId, std::unique_ptr<sync::mem0::Records>> AskersFor(const Config& config, const Mem0Clients& clients) {
  std::map<ProjectId, std::unique_ptr<sync::mem0::Records>> askers;
  for (const ProjectConfig& project : config.projects)
    askers[project.id] = clients.RecordsFor(project.id, Mem0Clients::Urgency::kInteractive);
  return askers;
}

}  // namespace

Mem0Watch::Mem0Watch(const Config& config, const Mem0Clients& clients)
    : clients_(clients), asking_(AskersFor(config, clients)), thread_("mem0_watch", [this](const std::stop_token& stop) {
        clients_.ReadKeysAgain();
        for (const auto& [project, client] : asking_) {
          if (stop.stop_requested()) break;
          // Mem0Clients reports problems. When there is no answer, the next round asks again.
          static_cast<void>(client->Admit());
        }
        return std::chrono::milliseconds{kEvery};
      }) {}

}  // namespace membridge::admin
