#include "sync/mem0/api_operations.hpp"

#include <algorithm>

#include "sync/mem0/api_table.hpp"

namespace membridge::sync::mem0 {
namespace api_table {
namespace {

using List = std::vector<ApiOperation>;

constexpr const char* kViewer = "viewer";
constexpr const char* kOperator = "operator";

constexpr std::string_view kMemoryPath = "/v1/memories/{memory_id}/";
constexpr std::string_view kEntityPath = "/v2/entities/{entity_type}/{entity_id}/";
constexpr std::string_view kOrganizations = "/api/v1/orgs/organizations/";
constexpr std::string_view kOrganizationPath = "/api/v1/orgs/organizations/{org_id}/";
constexpr std::string_view kOrganizationMembers = "/api/v1/orgs/organizations/{org_id}/members/";
constexpr std::string_view kProjects = "/api/v1/orgs/organizations/{org_id}/projects/";
constexpr std::string_view kProjectPath = "/api/v1/orgs/organizations/{org_id}/projects/{project_id}/";
constexpr std::string_view kProjectMembers = "/api/v1/orgs/organizations/{org_id}/projects/{project_id}/members/";
constexpr std::string_view kWebhooks = "/api/v1/webhooks/projects/{project_id}/";
constexpr std::string_view kWebhookPath = "/api/v1/webhooks/{webhook}/";
const Words kOwners{"user_id", "agent_id", "app_id", "run_id"};
const Words kOwnersOrFilters{"user_id", "agent_id", "app_id", "run_id", "filters"};

List MemoryReads() {
  return {
      Line{"memory", "list", "POST", "/v3/memories/", "List memories"}.For(kOperator).HasTexts().With(
          {User(), Agent(), App(), Run(), Filters(), Page(), Size(200), Flag("show_expired", "Expired ones, too"),
           Flag("include_merged", "Merged ones, too"), Flag("latest_only", "None that another one superseded"),
           Text("keywords", "Only with these words"), Takes{Type::kTexts, "fields", "Only these fields of each"}.AtMost(50)}),
      Line{"memory", "show", "GET", kMemoryPath, "Show a memory"}.For(kOperator).HasTexts().With({MemoryId().In(Place::kPath)}),
      Line{"memory", "history", "GET", "/v1/memories/{memory_id}/history/", "List what happened to a memory"}
          .For(kOperator)
          .HasTexts()
          .With({MemoryId().In(Place::kPath)}),
      Line{"memory", "search", "POST", "/v3/memories/search/", "Search memories by meaning"}
          .For(kOperator)
          .HasTexts()
          .Costs(Cost::kSearch)
          .With({Text("query", "What to look for").Needed(), User(), Agent(), App(), Run(), Filters(),
                 Whole("top_k", "How many at most", 1000), Takes{Type::kShare, "threshold", "The least similarity, from 0 to 1"},
                 Flag("rerank", "Order them once more by a better model")}),
  };
}

List MemoryChanges() {
  return {
      Line{"memory", "add", "POST", "/v3/memories/add/", "Add what was said"}
          .For(kOperator)
          .Changes()
          .HasTexts()
          .Later()
          .Costs(Cost::kAdd)
          .Needs(kOwners)
          .With({Objects("messages", "What was said: [{\"role\": \"user\", \"content\": \"I like tea\"}]", 1000).Needed(),
                 User().In(Place::kBody).As("The user it belongs to"), Agent().In(Place::kBody).As("The agent it belongs to"),
                 App().In(Place::kBody).As("The app it belongs to"), Run().In(Place::kBody).As("The run it belongs to"),
                 Metadata(), Expires(),
                 Flag("infer", "Let a model find the facts (default true); false stores the messages as they are"),
                 Flag("immutable", "It can never be changed"), SaidAt(),
                 Text("custom_instructions", "What the model is to look for, in this call only"),
                 Categories("Categories for this call only: [{\"support\": \"Questions and complaints\"}]")}),
      Line{"memory", "update", "PUT", kMemoryPath, "Change a memory"}
          .For(kOperator)
          .Changes({"memory_id"})
          .HasTexts()
          .Needs({"text", "metadata", "expiration_date", "timestamp"})
          .With({MemoryId().In(Place::kPath), Text("text", "Its new text"),
                 Metadata().As("Further fields of yours; they replace the old ones"), Expires(), SaidAt()}),
      Line{"memory", "delete", "DELETE", kMemoryPath, "Delete a memory"}
          .Destroys(Counted::kOne, {"memory_id"})
          .With({MemoryId().In(Place::kPath), Flag("delete_linked", "The older ones that it superseded, too").In(Place::kQuery)}),
      Line{"memory", "update-many", "PUT", "/v1/batch/", "Change the texts of many memories"}
          .For(kOperator)
          .Changes({"memories"})
          .With({Objects("memories", "[{\"memory_id\": \"…\", \"text\": \"…\"}], 1,000 at most", 1000).Needed()}),
      Line{"memory", "delete-many", "DELETE", "/v1/batch/", "Delete many memories"}
          .Destroys(Counted::kNamed, {"memory_ids"})
          .With({Takes{Type::kUuids, "memory_ids", "Their ids, 1,000 at most"}.Needed().AtMost(1000).SentAs("memories")}),
      Line{"memory", "delete-where", "DELETE", "/v1/memories/", "Delete all memories of a user, agent, app or run"}
          .Destroys(Counted::kMemories)
          .Later()
          .Needs(kOwners)
          .With({User().In(Place::kQuery), Agent().In(Place::kQuery), App().In(Place::kQuery), Run().In(Place::kQuery)}),
      Line{"feedback", "set", "POST", "/v1/feedback/", "Say whether a memory is right"}.For(kOperator).Changes().With(
          {MemoryId(),
           Text("feedback", "What you think of it; none takes it back").OneOf({"POSITIVE", "NEGATIVE", "VERY_NEGATIVE"}).OrNone(),
           Text("feedback_reason", "Why")}),
  };
}

List EntitiesAndEvents() {
  return {
      Line{"entity", "list", "GET", "/v1/entities/", "List users, agents, apps and runs"}.For(kViewer).With({Page(), Size(1000)}),
      Line{"entity", "filters", "GET", "/v1/entities/filters/", "List what memories and events can be filtered by"}.For(kViewer),
      Line{"entity", "show", "GET", kEntityPath, "Show a user, agent, app or run"}.For(kViewer).With({EntityType(), Entity()}),
      Line{"entity", "memories", "GET", "/v1/memories/{entity_type}/{entity_id}/",
           "List the memories of a user, agent, app or run"}
          .For(kOperator)
          .HasTexts()
          .With({EntityType(), Entity()}),
      Line{"entity", "add", "POST", "/v1/{entity_type}s/", "Make a user, agent, app or run known"}.For(kOperator).Changes().With(
          {EntityType(), Text("entity_id", "Its name, as in user_id").Needed().SentAs("{entity_type}_id"),
           Text("name", "How it is shown; its id when left out"), Metadata()}),
      Line{"entity", "delete", "DELETE", kEntityPath, "Delete a user, agent, app or run with all memories"}
          .Destroys(Counted::kMemories)
          .Later()
          .With({EntityType(), Entity()}),
      Line{"event", "list", "GET", "/v1/events/", "List what Mem0 was asked to do"}.For(kOperator).HasTexts().With(
          {Text("event_type", "Only of this kind")
               .In(Place::kQuery)
               .OneOf({"ADD", "UPDATE", "DELETE", "SEARCH", "GET_ALL", "GET", "DELETE_ALL", "DELETE_USER"}),
           Day("start_date", "From this day on, as 2026-03-01").In(Place::kQuery),
           Day("end_date", "Until this day, as 2026-03-31").In(Place::kQuery), Page(), Size(100)}),
      Line{"event", "show", "GET", "/v1/event/{event_id}/", "Show whether something that was asked for is done"}
          .For(kOperator)
          .HasTexts()
          .Later()
          .With({Takes{Type::kUuid, "event_id", "The event's id"}.In(Place::kPath).Needed()}),
      Line{"event", "memory-events", "GET", "/v1/memories/events/", "List what happened to all memories, deleted ones included"}
          .For(kOperator)
          .HasTexts()
          .With({Page(), Size(1000, "limit")}),
  };
}

List Exports() {
  return {
      Line{"export", "create", "POST", "/v1/exports/", "Ask for an export"}
          .For(kOperator)
          .Changes()
          .Costs(Cost::kModel)
          .Needs(kOwnersOrFilters)
          .With({Object("schema", "The JSON Schema that a model fills").Needed(), User(), Agent(), App(), Run(), Filters(),
                 Text("export_instructions", "What the model is to heed")}),
      Line{"export", "get", "POST", "/v1/exports/get/", "Fetch an export that is ready"}
          .For(kOperator)
          .HasTexts()
          .Needs({"memory_export_id", "user_id", "agent_id", "app_id", "run_id", "filters"})
          .With({Takes{Type::kUuid, "memory_export_id", "The export's id"}, User(), Agent(), App(), Run(), Filters()}),
      Line{"export", "summary", "POST", "/v1/summary/", "Let a model summarise memories"}
          .For(kOperator)
          .HasTexts()
          .Costs(Cost::kModel)
          .Needs(kOwnersOrFilters)
          .With({User(), Agent(), App(), Run(), Filters()}),
  };
}

List Webhooks() {
  return {
      Line{"webhook", "list", "GET", kWebhooks, "List the project's webhooks"}.For(kViewer).TheBridges(),
      Line{"webhook", "create", "POST", kWebhooks, "Create a webhook that leads elsewhere"}.Changes().TheBridges().With(
          {Name().Needed(), Url().Needed(), Events().Needed()}),
      Line{"webhook", "update", "PUT", kWebhookPath, "Change a webhook that is not the bridge's"}
          .Changes()
          .TheBridges()
          .Needs({"name", "url", "events"})
          .With({Webhook(), Name(), Url(), Events()}),
      Line{"webhook", "delete", "DELETE", kWebhookPath, "Delete a webhook that is not the bridge's"}.Destroys().TheBridges().With(
          {Webhook()}),
  };
}

List Projects() {
  return {
      Line{"project", "list", "GET", kProjects, "List the organization's projects"}.For(kViewer).HasTexts().With(
          {OfOrganization()}),
      Line{"project", "create", "POST", kProjects, "Create a project"}.Changes().With(
          {OfOrganization(), Name().Needed(), Purpose()}),
      Line{"project", "show", "GET", kProjectPath, "Show a project with its instructions and categories"}
          .For(kViewer)
          .HasTexts()
          .With({Project(), OfOrganization()}),
      Line{"project", "update", "PATCH", kProjectPath, "Change a project's instructions and categories"}
          .Changes()
          .Needs({"name", "description", "custom_instructions", "agent_custom_instructions", "custom_categories", "multilingual",
                  "memory_depth", "decay"})
          .With({Project(), OfOrganization(), Name(), Purpose(),
                 Text("custom_instructions", "What the model is to look for; none takes them back").OrNone(),
                 Text("agent_custom_instructions", "The same for memories of agents; none takes them back").OrNone(),
                 Categories("In place of Mem0's own: [{\"support\": \"Questions and complaints\"}]"),
                 Flag("multilingual", "Memories keep the language in which they were said"),
                 Text("memory_depth", "How much is remembered"), Flag("decay", "Old memories count less")}),
      Line{"project", "delete", "DELETE", kProjectPath, "Delete a project with all memories"}
          .Destroys(Counted::kMemories)
          .With({Project(), OfOrganization()}),
      Line{"project", "members list", "GET", kProjectMembers, "List a project's members"}.For(kOperator).With(
          {Project(), OfOrganization()}),
      Line{"project", "members add", "POST", kProjectMembers, "Let somebody into a project"}.Changes().With(
          {Project(), OfOrganization(), Email(), MemberRole()}),
      Line{"project", "members set-role", "PUT", kProjectMembers, "Change the role of a project's member"}.Changes().With(
          {Project(), OfOrganization(), Email(), MemberRole()}),
      Line{"project", "members remove", "DELETE", kProjectMembers, "Take a member out of a project"}.Destroys().With(
          {Project(), OfOrganization(), Email().In(Place::kQuery)}),
  };
}

List OrganizationsAndAccount() {
  return {
      Line{"organization", "list", "GET", kOrganizations, "List the organizations of the API key's owner"}.For(kViewer),
      Line{"organization", "create", "POST", kOrganizations, "Create an organization"}.Changes().With({Name().Needed()}),
      Line{"organization", "show", "GET", kOrganizationPath, "Show an organization"}.For(kViewer).With({Organization()}),
      Line{"organization", "delete", "DELETE", kOrganizationPath, "Delete an organization with all projects"}.Destroys().With(
          {Organization()}),
      Line{"organization", "members list", "GET", kOrganizationMembers, "List an organization's members"}.For(kOperator).With(
          {Organization()}),
      Line{"organization", "members add", "POST", kOrganizationMembers, "Let somebody into an organization"}.Changes().With(
          {Organization(), Email(), MemberRole()}),
      Line{"organization", "members set-role", "PUT", kOrganizationMembers, "Change the role of an organization's member"}
          .Changes()
          .With({Organization(), Email(), MemberRole()}),
      Line{"organization", "members remove", "DELETE", kOrganizationMembers, "Take a member out of an organization"}
          .Destroys()
          .With({Organization(), Email()}),
      Line{"account", "ping", "GET", "/v1/ping/", "Show whose API key it is"}.For(kViewer),
      Line{"account", "stats", "GET", "/v1/stats/", "Show how much Mem0 holds and was asked"}.For(kViewer),
  };
}

}  // namespace
}  // namespace api_table

const ApiParameter* ApiOperation::Find(std::string_view parameter) const {
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [&](const ApiParameter& each) { return each.name == parameter; });
  return found == parameters.end() ? nullptr : &*found;
}

const std::vector<ApiOperation>& ApiOperations() {
  using namespace api_table;  // NOLINT(google-build-using-namespace)
  static const List kOperations = [] {
    List all;
    for (const auto& group :
         {MemoryReads(), MemoryChanges(), EntitiesAndEvents(), Exports(), Webhooks(), Projects(), OrganizationsAndAccount()})
      all.insert(all.end(), group.begin(), group.end());
    return all;
  }();
  return kOperations;
}

const ApiOperation* FindApiOperation(std::string_view noun, std::string_view verb) {
  const std::vector<ApiOperation>& all = ApiOperations();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const ApiOperation& each) { return each.noun == noun && each.verb == verb; });
  return found == all.end() ? nullptr : &*found;
}

std::string NameOf(const ApiOperation& operation) {
  std::string name = "mem0." + std::string{operation.noun} + "." + std::string{operation.verb};
  std::replace(name.begin(), name.end(), ' ', '.');
  return name;
}

}  // namespace membridge::sync::mem0
