#include <fmt/format.h>

#include "admin/webhooks/turn.hpp"
#include "admin/webhooks/webhooks.hpp"

namespace membridge::admin {

using sync::mem0::Client;
using sync::mem0::Webhook;
using Turn = WebhookTurn;

Result<WebhookPlan> ApplyWebhooks(Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                  const ApplyOptions& options) {
  return WithTurn(client, session, desired, options, [](Turn& turn) -> Result<WebhookPlan> {
    WebhookPlan plan = turn.Plan();
    for (const WebhookStep& step : plan.steps) {
      if (auto done = turn.CarryOut(step); !done) return Within(done.error(), Describe(step));
    }
    return plan;
  });
}

Result<WebhookSurvey> SurveyWebhooks(Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                     PlanChoices choices) {
  try {
    const auto account = client.Ping();
    if (!account) return tl::unexpected<Error>(account.error());
    const auto listed = client.ListWebhooks(account->project_id);
    if (!listed) return tl::unexpected<Error>(listed.error());
    const WebhookBooks books = ReadWebhookBooks(session, desired.project);
    return WebhookSurvey{PlanWebhooks(*listed, books, desired, choices), ViewWebhooks(*listed, books, desired), books.tokens};
  } catch (const sync::postgres::SqlFailure& failure) {
    return tl::unexpected<Error>(failure.AsError("webhooks"));
  }
}

Result<Rotation> RotateToken(Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                             const ApplyOptions& options) {
  return WithTurn(client, session, desired, options, [&](Turn& turn) -> Result<Rotation> {
    if (const Webhook* ours = turn.Ours()) return turn.MoveToNewToken(*ours);
    for (const WebhookStep& step : turn.Plan().steps) {
      if (step.kind == WebhookStep::Kind::kLeave)
        return Fail(ErrorCode::kRefused, fmt::format("webhooks of '{}': {}", desired.project.Text(), step.webhook_id),
                    step.reason);
    }
    return Fail(ErrorCode::kNotFound,
                fmt::format("webhooks of '{}': Mem0 has no webhook of this bridge to rotate", desired.project.Text()),
                "run membridge webhooks apply first");
  });
}

Result<std::vector<std::string>> RemoveWebhooks(Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                                const ApplyOptions& options) {
  return WithTurn(client, session, desired, options, [](Turn& turn) -> Result<std::vector<std::string>> {
    std::vector<std::string> removed;
    for (const Webhook* webhook : turn.AllOurs()) {
      if (auto done = turn.Remove(*webhook); !done) return tl::unexpected<Error>(done.error());
      removed.push_back(webhook->webhook_id);
    }
    for (const std::string& webhook_id : turn.Gone()) turn.Forget(webhook_id);
    return removed;
  });
}

}  // namespace membridge::admin
