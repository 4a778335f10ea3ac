#include "admin/runtime/canary_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "admin/runtime/mem0_clients.hpp"
#include "sync/worker/canary.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;
using sync::CanaryView;
using Clocks = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPatience = 30s;
constexpr auto kLookEvery = 100ms;
constexpr auto kForOthers = 5s;  // another process, which has the canary, notes its end this much later

/// The end of the next canary; nothing: none ended in time.
std::optional<CanaryView> NextEnd(sync::Canary canary, sync::postgres::Session& state, sync::mem0::Client& client,
                                  std::chrono::milliseconds patience, std::optional<Error>& error) {
  const auto end = Clocks::now() + patience + kForOthers;
  canary.Hurry(state);
  std::optional<Instant> before;
  for (bool first = true; Clocks::now() < end; first = false) {
    const CanaryView view = canary.Step(state, client, error);
    if (view.news) return view;
    if (first) before = view.last_at;
    if (view.last_at != before) return view;
    std::this_thread::sleep_for(kLookEvery);
  }
  return std::nullopt;
}

}  // namespace

Precondition LookAtCanary(const ProjectConfig& project, sync::postgres::Session& state) {
  const std::string what = fmt::format("canary {}", project.id.Text());
  const auto& events = project.webhook.events;
  if (std::find(events.begin(), events.end(), "memory_add") == events.end())
    return {what,
            {},
            Precondition::State::kNote,
            "webhook.events has no memory_add, so no delivery would come of a test memory",
            "ask for memory_add, too, to have the way from Mem0 tested"};
  sync::CanaryOptions options = project.canary.value_or(sync::CanaryOptions{.deadline = kPatience});
  sync::mem0::Client client = ClientForCommand(project, state, 1, 10s);
  std::optional<Error> error;
  const auto view = NextEnd(sync::Canary{project.id, options}, state, client, options.deadline, error);
  if (view && view->last == CanaryView::Outcome::kHeard)
    return {what,
            {},
            Precondition::State::kFine,
            fmt::format("reachable from outside: the delivery of a memory written at Mem0 arrived after {:.1f} s",
                        std::chrono::duration<double>(view->heard_after).count()),
            {}};
  if (view && view->last == CanaryView::Outcome::kFailed)
    return {what,
            {},
            Precondition::State::kMissing,
            fmt::format("Mem0 did not take a test memory{}", error ? ": " + error->message : ""),
            error && !error->hint.empty() ? error->hint : "see whether the key may add memories, and the plan's budget"};
  return {
      what,
      {},
      Precondition::State::kMissing,
      fmt::format("a memory was written at Mem0, and no delivery of it arrived within {:.0f} s",
                  std::chrono::duration<double>(options.deadline).count()),
      fmt::format("make sure that Mem0, and not only this machine, reaches {}: name, firewall, certificate; then run membridge "
                  "webhooks plan",
                  project.webhook.public_url)};
}

}  // namespace membridge::admin
