#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "sync/mem0/api_operations.hpp"

/// The words in which the table of Mem0's operations (api_operations.cpp) is written.
namespace membridge::sync::mem0::api_table {

using Type = ApiParameter::Type;
using Place = ApiParameter::Place;
using Effect = ApiOperation::Effect;
using Cost = ApiOperation::Cost;
using Counted = ApiOperation::Counted;
using Words = std::vector<std::string_view>;

/// Writes a parameter down.
class Takes {
 public:
  Takes(Type type, std::string_view name, std::string_view text) : parameter_{.name = name, .type = type, .text = text} {}
  Takes In(Place place) && { return parameter_.place = place, *this; }
  Takes As(std::string_view text) && { return parameter_.text = text, *this; }
  Takes Needed() && { return parameter_.required = true, *this; }
  Takes OneOf(Words choices) && { return parameter_.choices = std::move(choices), *this; }
  Takes AtMost(int most) && { return parameter_.most = most, *this; }
  Takes SentAs(std::string_view name) && { return parameter_.sent_as = name, *this; }
  Takes OrNone() && { return parameter_.clears = true, *this; }
  operator ApiParameter() && { return std::move(parameter_); }  // NOLINT(google-explicit-constructor): it becomes one

 private:
  ApiParameter parameter_;
};

/// Writes an operation down, a line of the table.
class Line {
 public:
  Line(std::string_view noun, std::string_view verb, std::string_view method, std::string_view path, std::string_view text)
      : operation_{.noun = noun, .verb = verb, .method = method, .path = path, .text = text, .role = "admin"} {}
  Line For(std::string_view role) && { return operation_.role = role, *this; }
  Line With(std::vector<ApiParameter> parameters) && { return operation_.parameters = std::move(parameters), *this; }
  Line Changes(Words about = {}) && { return operation_.effect = Effect::kChanges, operation_.about = std::move(about), *this; }
  Line Destroys(Counted counted = Counted::kOne, Words about = {}) && {
    operation_.effect = Effect::kDestroys;
    operation_.counted = counted;
    operation_.about = std::move(about);
    return *this;
  }
  Line Costs(Cost cost) && { return operation_.cost = cost, *this; }
  Line HasTexts() && { return operation_.has_texts = true, *this; }
  Line Later() && { return operation_.is_asynchronous = true, *this; }
  Line TheBridges() && { return operation_.is_the_bridges = true, *this; }
  Line Needs(Words one_of) && { return operation_.one_of = std::move(one_of), *this; }
  operator ApiOperation() && { return std::move(operation_); }  // NOLINT(google-explicit-constructor): it becomes one

 private:
  ApiOperation operation_;
};

// Parameters that several operations take.
inline Takes Text(std::string_view name, std::string_view text) {
  return {Type::kText, name, text};
}
inline Takes Flag(std::string_view name, std::string_view text) {
  return {Type::kFlag, name, text};
}
inline Takes Whole(std::string_view name, std::string_view text, int most = 0) {
  return Takes{Type::kWhole, name, text}.AtMost(most);
}
inline Takes Object(std::string_view name, std::string_view text) {
  return {Type::kObject, name, text};
}
inline Takes Objects(std::string_view name, std::string_view text, int most) {
  return Takes{Type::kObjects, name, text}.AtMost(most);
}
inline Takes Id(std::string_view name, std::string_view text) {
  return Takes{Type::kId, name, text}.In(Place::kPath).Needed();
}
inline Takes MemoryId() {
  return Takes{Type::kUuid, "memory_id", "The memory's id"}.Needed();
}
inline Takes User() {
  return Text("user_id", "Only of this user").In(Place::kFilter);
}
inline Takes Agent() {
  return Text("agent_id", "Only of this agent").In(Place::kFilter);
}
inline Takes App() {
  return Text("app_id", "Only of this app").In(Place::kFilter);
}
inline Takes Run() {
  return Text("run_id", "Only of this run").In(Place::kFilter);
}
inline Takes Filters() {
  return Object("filters", "Mem0's filter, as in {\"AND\": [{\"user_id\": \"ada\"}]}").In(Place::kFilter);
}
inline Takes EntityType() {
  return Id("entity_type", "What it is").OneOf({"user", "agent", "app", "run"});
}
inline Takes Entity() {
  return Id("entity_id", "Its name, as in user_id");
}
inline Takes Page() {
  return Whole("page", "Which page, from 1").In(Place::kQuery);
}
inline Takes Size(int most, std::string_view name = "page_size") {
  return Whole(name, "How many a page", most).In(Place::kQuery);
}
inline Takes Project() {
  return Id("project_id", "The project's id at Mem0; current: the API key's own");
}
inline Takes Organization() {
  return Id("org_id", "The organization's id at Mem0; current: the API key's own");
}
inline Takes OfOrganization() {
  return Takes{Type::kId, "org_id", "Its organization; the API key's own when left out"}.In(Place::kPath);
}
inline Takes Email() {
  return Text("email", "The member's e-mail address").Needed();
}
inline Takes MemberRole() {
  return Text("role", "The member's role").Needed().OneOf({"READER", "OWNER"});
}
inline Takes Metadata() {
  return Object("metadata", "Further fields of yours");
}
inline Takes SaidAt() {
  return Whole("timestamp", "When it was said, in seconds since 1970");
}
inline Takes Day(std::string_view name, std::string_view text) {
  return {Type::kDay, name, text};
}
inline Takes Expires() {
  return Day("expiration_date", "The last day on which it is shown, as 2026-03-01; none: for ever").OrNone();
}
inline Takes Name() {
  return Text("name", "Its name");
}
inline Takes Purpose() {
  return Text("description", "What it is for");
}
inline Takes Url() {
  return Text("url", "Where Mem0 posts to");
}
inline Takes Events() {
  return Takes{Type::kTexts, "events", "Which events, as memory_add"}.AtMost(20).SentAs("event_types");
}
inline Takes Categories(std::string_view text) {
  return Objects("custom_categories", text, 100);
}
inline Takes Webhook() {
  return Id("webhook", "The webhook's id");
}

}  // namespace membridge::sync::mem0::api_table
