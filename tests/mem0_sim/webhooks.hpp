#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "mappings/base/time.hpp"
#include "tests/mem0_sim/dice.hpp"

namespace membridge::mem0_sim {

struct Webhook {
  std::string webhook_id;
  std::string name;
  std::string url;
  std::vector<std::string> event_types;
  bool is_active = true;
  bool foreign = false;  ///< of another project: not listed, and 403 to touch
  Instant created_at;
  Instant updated_at;

  bool Wants(const std::string& event_type) const;
};

/// The names one may subscribe to.
const std::vector<std::string>& WebhookEventTypes();

/// The webhooks of one project. For one thread.
class Webhooks {
 public:
  Webhook& Add(Webhook webhook) { return webhooks_.emplace_back(std::move(webhook)); }
  Webhook* Find(const std::string& webhook_id);
  void Remove(const std::string& webhook_id);
  const std::vector<Webhook>& All() const { return webhooks_; }

 private:
  std::vector<Webhook> webhooks_;
};

/// As the API shows it: `project` is the project's name, not its id.
nlohmann::json ObjectOf(const Webhook& webhook, const std::string& owner, const std::string& project_name);

/// From a body without errors.
Webhook NewWebhook(const nlohmann::json& body, Dice& dice, Instant now);

/// Field by field what is wrong with a body that creates (`partial` false) or changes (true) a webhook; empty when nothing is.
nlohmann::json FieldErrors(const nlohmann::json& body, bool partial);

}  // namespace membridge::mem0_sim
