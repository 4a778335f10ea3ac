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

/// The webhook a project is to have at Mem0.
struct DesiredWebhook {
  ProjectId project;
  std::string name;
  std::string public_url;  ///< with or without a slash at the end
  std::vector<std::string> events;

  /// `{public_url}/webhooks/{project}/`: what the address of every webhook of ours begins with; a token follows.
  std::string UrlPrefix() const;
};

/// A webhook this deployment made.
struct OwnedWebhook {
  std::string webhook_id;
  Instant created_at;
  std::string state{};  ///< the state database that registered it; empty: from before that was written down
};

/// What this deployment remembers about a project's webhooks.
struct WebhookBooks {
  std::vector<OwnedWebhook> webhooks;
  std::vector<sync::Token> tokens;
  Instant now;          ///< the database's clock when it was read
  std::string state{};  ///< which state database this is
};

/// Whose a webhook at Mem0 is.
enum class Ownership {
  kOurs,       ///< in our books, or its address holds a token that we issued
  kLookalike,  ///< its address leads to this project, but with a token that was never ours: another deployment with the same
               ///< public_url, or a lost database
  kForeign,    ///< anything else
};
std::string_view NameOf(Ownership ownership);

/// One step from what Mem0 has to what it should have. Safe to print and to log: `url` is redacted.
struct WebhookStep {
  enum class Kind {
    kKeep,     ///< is as it should be
    kRecord,   ///< is ours and was made by a run that could not write so down: into the books, its token made permanent
    kCreate,   ///< there is none
    kUpdate,   ///< PUT what `changes` names
    kReplace,  ///< is inactive, which Mem0 cannot change: a new one is made, then this one deleted
    kRemove,   ///< ours, and one too many
    kForget,   ///< in our books and gone at Mem0
    kReport,   ///< inactive, a lookalike or foreign: left alone
    kLeave,    ///< ours by the books, but another bridge's by now: left alone until `take_over`
  };
  Kind kind = Kind::kKeep;
  std::string webhook_id;  ///< empty for kCreate
  std::string name;
  std::string url;                   ///< redacted
  std::vector<std::string> changes;  ///< of `name`, `url`, `events`
  std::string reason;                ///< why, as a sentence without a full stop; may be empty
  bool off = false;                  ///< ours, and switched off at Mem0
};
std::string_view NameOf(WebhookStep::Kind kind);
/// `update wh_1 membridge-crm https://bridge.example.com/webhooks/crm/***: url (its token is not known here)`
std::string Describe(const WebhookStep& step);
nlohmann::json ToJson(const WebhookStep& step);

struct WebhookPlan {
  std::vector<WebhookStep> steps;
  /// Whether carrying it out would change anything, here or at Mem0.
  bool Changes() const;
};

/// What is wrong with a project's webhook while nothing is being done about it.
enum class WebhookTrouble {
  kNone,
  kOff,        ///< switched off at Mem0, or there is none: nothing is delivered
  kElsewhere,  ///< it leads to another bridge, or another state database has it
};
struct WebhookStanding {
  WebhookTrouble trouble = WebhookTrouble::kNone;
  std::string message{};  ///< a sentence without a full stop; empty when nothing is wrong
};
/// How things stand once the plan was carried out. `carried_out`: false for a plan that was only made.
WebhookStanding StandingOf(const WebhookPlan& plan, bool carried_out);

struct PlanChoices {
  bool adopt = false;       ///< takes over a lookalike that bears our name: it gets a new token
  bool reactivate = false;  ///< replaces an inactive webhook instead of reporting it: someone may have paused it on purpose
  bool take_over = false;   ///< moves a webhook here that leads elsewhere, or that another state database has
};

/// What to do so that Mem0 has exactly the webhook that is desired. A pure function. Never touches what is not ours.
WebhookPlan PlanWebhooks(const std::vector<sync::mem0::Webhook>& listed, const WebhookBooks& books, const DesiredWebhook& desired,
                         PlanChoices choices = {});

/// A webhook as people may see it.
struct WebhookView {
  std::string webhook_id, name;
  std::string url;  ///< redacted
  std::vector<std::string> events;
  bool is_active = true;
  Ownership ownership = Ownership::kForeign;
  std::optional<sync::Token> token;  ///< the one in its address, when it is ours
};
std::vector<WebhookView> ViewWebhooks(const std::vector<sync::mem0::Webhook>& listed, const WebhookBooks& books,
                                      const DesiredWebhook& desired);
nlohmann::json ToJson(const WebhookView& view);
/// `{"id", "created_at", "expires_at", "last_used"}`: times or null, and nothing of the token itself.
nlohmann::json ToJson(const sync::Token& token);

/// Reads the books of a project. Throws postgres::SqlFailure.
WebhookBooks ReadWebhookBooks(sync::postgres::Session& session, const ProjectId& project);

struct ApplyOptions {
  PlanChoices choices;
  /// How long the token of an address that is replaced stays valid: deliveries with it may be under way.
  std::chrono::seconds overlap = std::chrono::hours{24};
  /// How long every process of the deployment may take to know a new token; its address is registered only then.
  std::chrono::milliseconds known_within{3'000};
  /// How long to wait for another process that is at it.
  std::chrono::milliseconds patience{10'000};
  std::function<void()> issued;                         ///< called once a new token is in the database; may be empty
  std::function<bool(std::chrono::milliseconds)> wait;  ///< false: stop now; empty: sleeps
};

/// Everything below works on a project's webhooks at Mem0. Any number of processes may call it at once: a lease in the database
/// lets one at a time through. `client` blocks as it says itself; `session` is used in short transactions only, never while Mem0
/// is asked.
///
/// A crash anywhere is repaired by the next call. A token is in the database, valid for a day, before its address is sent to
/// Mem0, and becomes permanent when Mem0 has it. Between the two a webhook at Mem0 is recognised by its token, so it is recorded
/// and not made again. After an answer that was lost Mem0 is asked what it has before anything is sent again.
///
/// Mem0's word is not enough: after every write its list is read again and compared. What it says it has done and does not show
/// is kRefused, and a token that was to be replaced stays valid for good.
///
/// A webhook of ours whose address leads to another bridge, or that another state database registered (ours is a copy, or was
/// restored elsewhere), is left alone until `take_over`.
///
/// Errors: kUnavailable (Mem0, the database, or another process is at it): later. kUnauthorized, kRefused: Mem0's words, and for
/// single fields client.LastFailure().fields. What was done before an error stays done.

/// Carries out PlanWebhooks. The result is the plan that was carried out; calling it again changes nothing.
Result<WebhookPlan> ApplyWebhooks(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                  const ApplyOptions& options = {});

/// The plan, and what there is; changes nothing.
struct WebhookSurvey {
  WebhookPlan plan;
  std::vector<WebhookView> webhooks;
  std::vector<sync::Token> tokens;  ///< every one of the project that is remembered, newest first; expired ones for a month
};
Result<WebhookSurvey> SurveyWebhooks(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                     PlanChoices choices = {});

struct Rotation {
  std::string webhook_id;
  std::string new_token;  ///< ids, never the tokens
  std::string old_token;  ///< empty when the old address held none that we know
  std::chrono::seconds overlap{};
};
/// Gives our webhook a new token: both are accepted for options.overlap, then only the new one. kNotFound when there is no
/// webhook of ours.
Result<Rotation> RotateToken(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                             const ApplyOptions& options = {});

/// Deletes every webhook of ours of this project, and nothing else. The result is their ids. Their tokens stay valid for
/// options.overlap.
Result<std::vector<std::string>> RemoveWebhooks(sync::mem0::Client& client, sync::postgres::Session& session,
                                                const DesiredWebhook& desired, const ApplyOptions& options = {});

}  // namespace membridge::admin
