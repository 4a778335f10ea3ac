#include "admin/commands/mem0_help.hpp"

#include <map>

namespace membridge::admin {

using sync::mem0::ApiOperation;

std::string Mem0NounText(const std::string& noun) {
  static const std::map<std::string, std::string> kTexts{
      {"memory", "Memories: list, search, add, change, delete"},
      {"feedback", "Tell Mem0 whether a memory is right"},
      {"entity", "Users, agents, apps and runs"},
      {"event", "What Mem0 was asked to do, and whether it is done"},
      {"export", "Exports by a schema, and summaries"},
      {"webhook", "Webhooks at Mem0; the bridge's own are kept by membridge webhooks"},
      {"project", "Projects at Mem0: instructions, categories, members"},
      {"organization", "Organizations at Mem0, and their members"},
      {"account", "The account of the API key"},
  };
  return kTexts.at(noun);
}

std::string Mem0Summary(const ApiOperation& operation) {
  std::string text{operation.text};
  if (operation.cost == ApiOperation::Cost::kSearch) text += "; counts as a retrieval of your plan";
  if (operation.cost == ApiOperation::Cost::kAdd) text += "; counts as an addition of your plan";
  if (operation.cost == ApiOperation::Cost::kModel) text += "; a model of Mem0 reads all that is meant";
  if (operation.Destroys()) text += "; counts first, acts with --yes";
  return text;
}

std::string Mem0Examples(const ApiOperation& operation) {
  static const std::map<std::string, std::string> kExamples{
      {"mem0.memory.list", "membridge mem0 memory list --user-id ada --page-size 20"},
      {"mem0.memory.search", "membridge mem0 memory search \"what does she drink\" --user-id ada --top-k 5"},
      {"mem0.memory.add",
       "membridge mem0 memory add \"I moved to Paris\" --user-id ada --wait\n"
       "  membridge mem0 memory add @chat.json --user-id ada --infer=false"},
      {"mem0.memory.update", "membridge mem0 memory update 550e8400-e29b-41d4-a716-446655440000 --text \"Lives in Paris\""},
      {"mem0.memory.update-many", "membridge mem0 memory update-many --memories @corrections.json"},
      {"mem0.memory.delete-where", "membridge mem0 memory delete-where --user-id ada --yes --wait"},
      {"mem0.feedback.set",
       "membridge mem0 feedback set 550e8400-e29b-41d4-a716-446655440000 --feedback NEGATIVE --feedback-reason \"moved\""},
      {"mem0.entity.delete", "membridge mem0 entity delete user ada --yes --wait"},
      {"mem0.event.list", "membridge mem0 event list --event-type ADD --start-date 2026-03-01"},
      {"mem0.export.create", "membridge mem0 export create --schema @profile.schema.json --user-id ada"},
      {"mem0.project.update",
       "membridge mem0 project update --custom-categories '[{\"support\": \"Questions and complaints\"}]'"},
      {"mem0.project.members.add", "membridge mem0 project members add --email ada@example.test --role READER"},
  };
  const auto found = kExamples.find(NameOf(operation));
  return found == kExamples.end() ? "" : "Example:\n  " + found->second;
}

}  // namespace membridge::admin
