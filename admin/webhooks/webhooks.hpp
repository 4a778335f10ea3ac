#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/inbox/tokens.hpp"
#include "sync/mem0/client.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// The webhook that a project should have at Mem0.
struct DesiredWebhook {
  ProjectId project;
  std::string name;
  std::string public_url;  ///< with or without a slash at the end
  std::vector<std::string> events;

  /// Returns `{public_url}/webhooks/{project}/`, the beginning of the address of every webhook of ours. The token follows.
  std::string UrlPrefix() const;
};

/// A webhook that this deployment made.
struct OwnedWebhook {
  std::string webhook_id;
  Instant created_at;
  std::string state{};  ///< the state database that registered it; empty for older records
};

/// The records of this deployment about a project's webhooks.
struct WebhookBooks {
  std::vector<OwnedWebhook> webhooks;
  std::vector<sync::Token> tokens;
  Instant now;          ///< the database's clock when it was read
  std::string state{};  ///< the id of this state database
};

/// The owner of a webhook at Mem0.
enum class Ownership {
  kOurs,       ///< in our records, or its address has a token that we issued
  kLookalike,  ///< its address leads to this project, but with a token that was never ours: another deployment with the same
               ///< public_url, or a lost database
  kForeign,    ///< anything else
};
std::string_view NameOf(Ownership ownership);

/// One step from the webhooks that Mem0 has to those it should have. Safe to print and to log, because `url` is redacted.
struct WebhookStep {
  enum class Kind {
    kKeep,     ///< the webhook is as desired
    kRecord,   ///< ours, but not recorded by the run that made it: record it and make its token permanent
    kCreate,   ///< there is no webhook: make one
    kUpdate,   ///< PUT the fields in `changes`
    kReplace,  ///< inactive, which Mem0 cannot change: make a new one, then delete this one
    kRemove,   ///< ours, but more than one: delete it
    kForget,   ///< in our records but gone at Mem0: delete the record
    kReport,   ///< inactive, a lookalike or foreign: do nothing
    kLeave,    ///< ours by the records, but now of another bridge: do nothing without `take_over`
  };
  Kind kind = Kind::kKeep;
  std::string webhook_id;  ///< empty for kCreate
  std::string name;
  std::string url;                   ///< redacted
  std::vector<std::string> changes;  ///< of `name`, `url`, `events`
  std::string reason;                ///< why, in a sentence without a full stop; may be empty
  bool off = false;                  ///< ours, and switched off at Mem0
};
std::string_view NameOf(WebhookStep::Kind kind);
/// `update wh_1 membridge-crm https://bridge.example.com/webhooks/crm/***: url (its token is not known here)`
std::string Describe(const WebhookStep& step);
nlohmann::json ToJson(const WebhookStep& step);

/// The steps for one project's webhooks, in the order they are carried out.
struct WebhookPlan {
  std::vector<WebhookStep> steps;
  /// Whether the plan would change anything here or at Mem0.
  bool Changes() const;
};

/// What is wrong with a project's webhook.
enum class WebhookTrouble {
  kNone,
  kOff,        ///< switched off at Mem0 or missing, so nothing is delivered
  kElsewhere,  ///< it leads to another bridge, or another state database registered it
};
/// The state of a project's webhook, as /readyz and the overview show it.
struct WebhookStanding {
  WebhookTrouble trouble = WebhookTrouble::kNone;
  std::string message{};  ///< a sentence without a full stop; empty when nothing is wrong
};
/// Returns the state of the webhook according to the plan. `carried_out`: whether the plan was carried out or only made.
WebhookStanding StandingOf(const WebhookPlan& plan, bool carried_out);

/// What a plan may do beyond its safe default; each is off unless an operator asks for it.
struct PlanChoices {
  bool adopt = false;       ///< takes over a lookalike that has our name and gives it a new token
  bool reactivate = false;  ///< replaces an inactive webhook; by default it is reported, as someone may have paused it
  bool take_over = false;   ///< moves a webhook here that leads elsewhere or that another state database registered
};

/// Returns the steps after which Mem0 has exactly the desired webhook. They never change webhooks that are not ours. A pure
/// function.
WebhookPlan PlanWebhooks(const std::vector<sync::mem0::Webhook>& listed, const WebhookBooks& books, const DesiredWebhook& desired,
                         PlanChoices choices = {});

/// A webhook in the form that may be shown.
struct WebhookView {
  std::string webhook_id, name;
  std::string url;  ///< redacted
  std::vector<std::string> events;
  bool is_active = true;
  Ownership ownership = Ownership::kForeign;
  std::optional<sync::Token> token;  ///< the token in its address, when it is ours
};
std::vector<WebhookView> ViewWebhooks(const std::vector<sync::mem0::Webhook>& listed, const WebhookBooks& books,
                                      const DesiredWebhook& desired);
nlohmann::json ToJson(const WebhookView& view);
/// Returns `{"id", "created_at", "expires_at", "last_used"}` with times or null, and nothing of the token itself.
nlohmann::json ToJson(const sync::Token& token);

/// Reads the records of a project. Throws postgres::SqlFailure.
WebhookBooks ReadWebhookBooks(sync::postgres::Session& session, const ProjectId& project);

/// How the functions below work.
struct ApplyOptions {
  PlanChoices choices;
  /// How long the token of a replaced address stays valid, because deliveries with it may be under way.
  std::chrono::seconds overlap = std::chrono::hours{24};
  /// How long until every process of the deployment knows a new token. Its address is registered only after that.
  std::chrono::milliseconds known_within{3'000};
  /// How long to wait while another process has the turn.
  std::chrono::milliseconds patience{10'000};
  std::function<void()> issued;                         ///< called when a new token is in the database; may be empty
  std::function<bool(std::chrono::milliseconds)> wait;  ///< false: stop now; empty: sleeps
};

/// The functions below work on a project's webhooks at Mem0. Several processes may call them at once: a lease in the database
/// lets one after the other work. `client` blocks as its own contract says. `session` is used in short transactions only and
/// never during a call to Mem0.
///
/// The next call repairs the result of a crash. A token is stored in the database, valid for a day, before its address is sent to
/// Mem0; it becomes permanent when Mem0 has it. If a crash comes in between, the next call recognises the webhook at Mem0 by its
/// token and records it instead of making another. After a lost answer, Mem0's list is read before anything is sent again.
///
/// After every write, Mem0's list is read again and compared. A write that Mem0 confirms but does not list is kRefused, and a
/// token that should be replaced stays valid.
///
/// A webhook of ours is not changed without `take_over` when its address leads to another bridge, or when another state database
/// registered it (this one is a copy, or was restored elsewhere).
///
/// Errors: kUnavailable: Mem0 or the database is away, or another process has the turn; try again later. kUnauthorized, kRefused:
/// Mem0 refused; the message is Mem0's, and client.LastFailure().fields has those about single fields. Steps before the error
/// stay done.

/// Carries out PlanWebhooks() and returns the plan that was carried out. Calling it again changes nothing.
Result<WebhookPlan> ApplyWebhooks(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                  const ApplyOptions& options = {});

/// The plan and the current webhooks and tokens.
struct WebhookSurvey {
  WebhookPlan plan;
  std::vector<WebhookView> webhooks;
  std::vector<sync::Token> tokens;  ///< all recorded tokens of the project, newest first; expired ones are kept for a month
};
/// Makes the plan and reads the current state; changes nothing.
Result<WebhookSurvey> SurveyWebhooks(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                     PlanChoices choices = {});

/// The result of giving a webhook a new token.
struct Rotation {
  std::string webhook_id;
  std::string new_token;  ///< an id, never the token
  std::string old_token;  ///< empty when the old address had no token that we know
  std::chrono::seconds overlap{};
};
/// Gives our webhook a new token. Both tokens are accepted for options.overlap, then only the new one. kNotFound: there is no
/// webhook of ours.
Result<Rotation> RotateToken(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                             const ApplyOptions& options = {});

/// Deletes all webhooks of ours of this project, and no others, and returns their ids. Their tokens stay valid for
/// options.overlap.
Result<std::vector<std::string>> RemoveWebhooks(sync::mem0::Client& client, sync::postgres::Session& session,
                                                const DesiredWebhook& desired, const ApplyOptions& options = {});

}  // namespace membridge::admin
