#pragma once

// A deployment under test: its database, a local Mem0, and what it wants there.

#include <memory>
#include <string>
#include <vector>

#include "admin/webhooks/webhooks.hpp"
#include "receiver/verify/token.hpp"
#include "tests/support/mem0_sim.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::admin {

using namespace std::chrono_literals;
using sync::mem0::CallBudget;
using sync::mem0::Client;
using sync::mem0::Webhook;

inline const std::string kPrefix = "https://bridge.example.com/webhooks/crm/";

struct Deployment {
  Deployment() {
    desired = {ProjectId{"crm"}, "membridge-crm", "https://bridge.example.com", {"memory_add", "memory_delete"}};
    options.known_within = 0ms;
    options.wait = [this](std::chrono::milliseconds time) {
      waited += time;
      return true;
    };
  }

  Client NewClient() const {
    Client::Options wire;
    wire.base_url = mem0.BaseUrl();
    wire.api_key = mem0.ApiKey();
    wire.timeout = 10s;
    return Client{wire, std::make_shared<CallBudget>(10'000, 10'000)};
  }
  Result<WebhookPlan> Apply() { return ApplyWebhooks(client, session, desired, options); }
  std::vector<Webhook> Listed() { return *NewClient().ListWebhooks(mem0.ProjectId()); }
  std::string TokenIn(const Webhook& webhook) const { return webhook.url.substr(kPrefix.size()); }
  /// How the token in an address stands in the database: `permanent`, `expires` or `unknown`.
  std::string StateOf(const std::string& token) const {
    const std::string state =
        db.Value("SELECT CASE WHEN expires_at IS NULL THEN 'permanent' ELSE 'expires' END FROM membridge.tokens WHERE hash = $1",
                 {receiver::HashToken(token)});
    return state.empty() ? "unknown" : state;
  }

  test::PgDatabase db;
  test::Mem0Sim mem0;
  sync::postgres::Session session = db.Session();
  Client client = NewClient();
  DesiredWebhook desired;
  ApplyOptions options;
  std::chrono::milliseconds waited{0};
};

}  // namespace membridge::admin
