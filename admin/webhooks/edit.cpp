#include "admin/webhooks/edit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "admin/webhooks/turn.hpp"
#include "sync/mem0/complaint.hpp"
#include "sync/mem0/webhook_events.hpp"

namespace membridge::admin {
namespace {

using sync::mem0::Client;
using sync::mem0::Webhook;
using Turn = WebhookTurn;

constexpr std::size_t kLongestName = 200;

bool HasControlOrBlank(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

std::optional<std::string> ProblemWithUrl(const std::string& url, const DesiredWebhook& desired) {
  const bool scheme = url.starts_with("https://") || url.starts_with("http://");
  const std::string_view rest = scheme ? std::string_view{url}.substr(url.find("//") + 2) : std::string_view{};
  if (rest.empty() || rest.find_first_of("/?#") == 0 || HasControlOrBlank(url))
    return "must be an http or https address with a host";
  if (!desired.public_url.empty() && url.starts_with(desired.UrlPrefix()))
    return "leads to this bridge; membridge webhooks apply registers that one";
  return std::nullopt;
}

std::optional<std::string> ProblemWithEvents(const std::vector<std::string>& events) {
  if (events.empty()) return "name at least one event";
  for (const std::string& event : events) {
    const auto& known = sync::mem0::KnownWebhookEvents();
    if (std::find(known.begin(), known.end(), event) == known.end())
      return fmt::format("no event \"{}\"; there are {}", sync::mem0::OneLine(event, 40), fmt::join(known, ", "));
  }
  return std::nullopt;
}

tl::unexpected<Error> Refused(const FieldProblems& problems) {
  std::vector<std::string> sentences;
  for (const auto& [field, problem] : problems) sentences.push_back(fmt::format("{}: {}", field, problem));
  return Fail(ErrorCode::kRefused, fmt::format("{}", fmt::join(sentences, "; ")));
}

/// Returns Mem0's error; stores its messages about single fields under the bridge's names of the fields.
tl::unexpected<Error> Told(const Error& error, const Client& client, FieldProblems& problems) {
  if (error.code == ErrorCode::kRefused) {
    for (const auto& [field, words] : client.LastFailure().fields) problems[field == "event_types" ? "events" : field] = words;
  }
  return tl::unexpected<Error>(error);
}

WebhookView ViewOf(const Webhook& webhook, const Turn& turn, const DesiredWebhook& desired) {
  return ViewWebhooks({webhook}, turn.Books(), desired).front();
}

/// Returns the webhook if it exists at Mem0 and is not kept by this deployment.
Result<const Webhook*> Editable(const Turn& turn, const std::string& webhook_id) {
  const Webhook* webhook = turn.Find(webhook_id);
  if (webhook == nullptr) return Fail(ErrorCode::kNotFound, "Mem0 lists no such webhook in this project");
  if (turn.OwnershipOf(*webhook) == Ownership::kOurs) {
    return Fail(ErrorCode::kRefused, "this webhook is kept by the bridge",
                "edit the configuration and run membridge webhooks apply, or use rotate or remove");
  }
  return webhook;
}

}  // namespace

FieldProblems ProblemsWith(const WebhookWish& wish, const DesiredWebhook& desired, bool creating) {
  FieldProblems problems;
  const auto look = [&](const char* field, const auto& value, const auto& problem_with) {
    std::optional<std::string> problem;
    if (value) problem = problem_with(*value);
    if (!value && creating) problem = "is required";
    if (problem) problems[field] = *problem;
  };
  look("name", wish.name, [](const std::string& name) -> std::optional<std::string> {
    if (name.empty() || name.size() > kLongestName) return fmt::format("must have 1 to {} bytes", kLongestName);
    return std::nullopt;
  });
  look("url", wish.url, [&](const std::string& url) { return ProblemWithUrl(url, desired); });
  look("events", wish.events, ProblemWithEvents);
  return problems;
}

Result<WebhookView> CreateWebhook(Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                  const WebhookWish& wish, FieldProblems& problems, const ApplyOptions& options) {
  problems = ProblemsWith(wish, desired, true);
  if (!problems.empty()) return Refused(problems);
  return WithTurn(client, session, desired, options, [&](Turn& turn) -> Result<WebhookView> {
    Webhook wanted{"", *wish.name, *wish.url, *wish.events, true};
    auto made = turn.Make(wanted);
    if (!made) return Told(made.error(), client, problems);
    wanted.webhook_id = std::move(*made);
    turn.Tell("webhook_created", wanted.webhook_id);
    return ViewOf(wanted, turn, desired);
  });
}

Result<WebhookView> ChangeWebhook(Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                  const std::string& webhook_id, const WebhookWish& wish, FieldProblems& problems,
                                  const ApplyOptions& options) {
  problems = ProblemsWith(wish, desired, false);
  if (!problems.empty()) return Refused(problems);
  return WithTurn(client, session, desired, options, [&](Turn& turn) -> Result<WebhookView> {
    const auto found = Editable(turn, webhook_id);
    if (!found) return tl::unexpected<Error>(found.error());
    Webhook wanted = **found;
    wanted.name = wish.name.value_or(wanted.name);
    wanted.url = wish.url.value_or(wanted.url);
    wanted.event_types = wish.events.value_or(wanted.event_types);
    if (const auto changed = turn.Change(webhook_id, wanted); !changed) return Told(changed.error(), client, problems);
    turn.Tell("webhook_changed", webhook_id);
    return ViewOf(wanted, turn, desired);
  });
}

Result<WebhookView> DeleteWebhook(Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                                  const std::string& webhook_id, const ApplyOptions& options) {
  return WithTurn(client, session, desired, options, [&](Turn& turn) -> Result<WebhookView> {
    const auto found = Editable(turn, webhook_id);
    if (!found) return tl::unexpected<Error>(found.error());
    const WebhookView was = ViewOf(**found, turn, desired);
    if (const auto deleted = turn.Delete(webhook_id); !deleted) return tl::unexpected<Error>(deleted.error());
    turn.Tell("webhook_deleted", webhook_id);
    return was;
  });
}

}  // namespace membridge::admin
