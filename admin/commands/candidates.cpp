// `parked candidates` and `parked choose`: when several rows match a memory's key, a person chooses one.
#include "admin/commands/candidates.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <memory>

#include "admin/commands/command_audit.hpp"
#include "admin/commands/prepared.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/mapping_files/ambiguous_rows.hpp"
#include "admin/shown/filters.hpp"
#include "admin/shown/table.hpp"
#include "mappings/base/exact_json.hpp"

namespace membridge::admin {
namespace {

using sync::postgres::Session;

constexpr std::chrono::seconds kPatience{5};

struct CandidateOptions {
  std::shared_ptr<CommonOptions> common;
  std::string memory, key, project, mapping;
};

/// Calls `work` with the rows that match now.
template <class Work>
int WithCandidates(const CandidateOptions& options, Console& console, const Work& work) {
  const auto prepared = Prepare(options.common->config, {}, console);
  if (!prepared) return prepared.error();
  if (const auto refused = RefuseUnmigrated(prepared->config, prepared->databases, console)) return *refused;
  const auto project = ProjectMeant(prepared->config, options.project);
  if (!project) return PrintUsageError(project.error(), console);
  try {
    Session state{prepared->databases.StateDsn(), "membridge parked"};
    const AmbiguousRows ambiguous{prepared->config, prepared->databases, prepared->mappings, prepared->catalogs,
                                  [](const std::string& dsn) {
                                    return Session{dsn, "membridge parked", sync::postgres::SearchPath::kRoles};
                                  }};
    const auto found =
        ambiguous.Find(state, {*project, MemoryId{options.memory}, Given(options.mapping)}, SystemClock{}.Now(), kPatience);
    if (!found) return PrintError(found.error(), console);
    return work(state, ambiguous, *found);
  } catch (const sync::postgres::SqlFailure& failure) {
    return PrintError(failure.AsError("looking for the rows that match"), console);
  }
}

std::string InWords(const nlohmann::json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.get<std::string>() : mappings::ExactText(value);
}

/// Returns a table with one line per column and one column per candidate. Values that are equal in all candidates are left out.
std::string SideBySide(const AmbiguousRows::Found& found, bool coloured) {
  const auto& rows = found.ambiguity.rows;
  std::vector<std::string> heads{"COLUMN"};
  for (const auto& row : rows) heads.push_back(sync::KeyInWords(row.candidate.identity));
  TextTable table{heads};
  const nlohmann::json& first = rows.front().values;
  if (!first.is_object()) return "";
  for (const auto& [column, value] : first.items()) {
    std::vector<std::string> line{column};
    bool differs = false;
    for (const auto& row : rows) {
      const nlohmann::json& own = row.values.is_object() && row.values.contains(column) ? row.values[column] : nlohmann::json();
      differs = differs || own != value;
      line.push_back(InWords(own));
    }
    if (differs) table.Add(line);
  }
  return table.Text(coloured);
}

int ListCandidates(const CandidateOptions& options, Console& console) {
  return WithCandidates(options, console, [&](Session&, const AmbiguousRows&, const AmbiguousRows::Found& found) {
    if (options.common->json) {
      fmt::print(console.out, "{}\n", mappings::ExactText(nlohmann::json(CandidatesJson(found)), 2));
      return kDone;
    }
    const sync::Ambiguity& ambiguity = found.ambiguity;
    fmt::print(console.out, "memory {} (project {}) means one of {} rows of {}, says mapping {} ({})\n\n{}\n",
               ambiguity.source.id, ambiguity.source.project.Text(), ambiguity.rows.size(),
               ambiguity.rows.front().candidate.relation, ambiguity.mapping, ambiguity.place,
               SideBySide(found, console.coloured));
    fmt::print(console.out, "say which: membridge parked choose {} {}\n", options.memory,
               sync::KeyInWords(ambiguity.rows.front().candidate.identity));
    return kDone;
  });
}

int ChooseCandidate(const CandidateOptions& options, Console& console) {
  return WithCandidates(options, console, [&](Session& state, const AmbiguousRows& ambiguous, const AmbiguousRows::Found& found) {
    const auto memories = ambiguous.Choose(state, found, options.key);
    NoteInAudit(state, console, "parked.choose", options.memory, memories ? nullptr : &memories.error(),
                AuditedOf(found, memories.value_or(0)));
    if (!memories) return PrintError(memories.error(), console);
    const auto& relation = found.ambiguity.rows.front().candidate.relation;
    if (options.common->json)
      fmt::print(
          console.out, "{}\n",
          nlohmann::ordered_json{
              {"memory", options.memory}, {"mapping", found.ambiguity.mapping}, {"table", relation}, {"memories", *memories}}
              .dump(2));
    else
      fmt::print(console.out, "this user's memories mean {} {} from now on; {} applied again in a moment\n", relation,
                 options.key, Counted(*memories, "memory is", "memories are"));
    return static_cast<int>(kDone);
  });
}

std::shared_ptr<CandidateOptions> AddCandidateCommand(CLI::App& group, const char* name, const char* description,
                                                      CLI::App*& command) {
  auto options = std::make_shared<CandidateOptions>();
  command = group.add_subcommand(name, description);
  options->common = AddConfigAndJsonOptions(*command);
  command->add_option("memory", options->memory, "The memory's id, as parked show names it")->required();
  command->add_option("--project", options->project, "Its project, where there are several");
  command->add_option("--mapping", options->mapping, "The mapping, where it is parked for this under several");
  return options;
}

}  // namespace

void AddCandidates(CLI::App& group, Choice& choice) {
  CLI::App* command = nullptr;
  const auto list = AddCandidateCommand(
      group, "candidates", "Where several rows match a memory's key: the rows side by side (of row values)", command);
  command->callback([=, &choice] { choice = [=](Console& console) { return ListCandidates(*list, console); }; });

  const auto choose = AddCandidateCommand(
      group, "choose", "Say which of them is meant: remembered for the memory's user and the mapping", command);
  command->add_option("key", choose->key, "The row's key, as parked candidates shows it")->required();
  command->callback([=, &choice] { choice = [=](Console& console) { return ChooseCandidate(*choose, console); }; });
}

}  // namespace membridge::admin
