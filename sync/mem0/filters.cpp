#include "sync/mem0/filters.hpp"

#include <stdexcept>
#include <utility>

namespace membridge::sync::mem0 {
namespace {

nlohmann::json Condition(const char* field, nlohmann::json value) {
  nlohmann::json condition = nlohmann::json::object();
  condition[field] = std::move(value);
  return condition;
}

nlohmann::json Bound(const char* field, const char* comparison, Instant instant) {
  return Condition(field, Condition(comparison, FormatRfc3339(instant)));
}

}  // namespace

Filter::Filter(nlohmann::json whose) {
  conditions_.push_back(std::move(whose));
}

Filter Filter::Everything() {
  nlohmann::json any = nlohmann::json::array();
  for (const char* field : {"user_id", "agent_id", "app_id", "run_id"}) any.push_back(Condition(field, "*"));
  return Filter{Condition("OR", std::move(any))};
}

Filter Filter::OfUser(const std::string& user) {
  if (!NamesOneEntity(user)) throw std::invalid_argument{"a filter for one user needs the name of one user"};
  return Filter{Condition("user_id", user)};
}

Filter& Filter::Among(const std::vector<MemoryId>& memories) {
  nlohmann::json ids = nlohmann::json::array();
  for (const MemoryId& memory : memories) ids.push_back(memory.Text());
  conditions_.push_back(Condition("memory_ids", std::move(ids)));
  return *this;
}

Filter& Filter::UpdatedFrom(Instant first) {
  conditions_.push_back(Bound("updated_at", "gte", first));
  return *this;
}

Filter& Filter::UpdatedBefore(Instant end) {
  conditions_.push_back(Bound("updated_at", "lt", end));
  return *this;
}

Filter& Filter::CreatedFrom(Instant first) {
  conditions_.push_back(Bound("created_at", "gte", first));
  return *this;
}

Filter& Filter::CreatedBefore(Instant end) {
  conditions_.push_back(Bound("created_at", "lt", end));
  return *this;
}

nlohmann::json Filter::Document() const {
  return Condition("AND", conditions_);
}

bool NamesOneEntity(const std::string& name) {
  return !name.empty() && name.find('*') == std::string::npos;
}

}  // namespace membridge::sync::mem0
