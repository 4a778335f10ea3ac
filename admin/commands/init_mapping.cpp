#include "admin/commands/init_mapping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace membridge::admin {
namespace {

using mappings::Column;
using mappings::Table;

constexpr const char* kPerson = "ada";

bool IsPlainName(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool IsText(const Column& column) {
  return column.base_type == "text" || column.base_type == "character varying" || column.base_type == "citext";
}

bool IsTime(const Column& column) {
  return column.base_type.rfind("timestamp", 0) == 0;
}

bool Contains(const std::string& name, std::string_view part) {
  return name.find(part) != std::string::npos;
}

bool IsUniqueAlone(const Table& table, const std::string& column) {
  return std::any_of(table.unique_indexes.begin(), table.unique_indexes.end(), [&](const auto& index) {
    return !index.partial && index.columns.size() == 1 && index.columns.front() == column;
  });
}

bool IsInUnique(const Table& table, const std::string& column) {
  return std::any_of(table.unique_indexes.begin(), table.unique_indexes.end(), [&](const auto& index) {
    return std::any_of(index.columns.begin(), index.columns.end(), [&](const auto& each) { return Contains(each, column); });
  });
}

/// Returns how likely a column holds a person's id, by its name; 0: not at all.
int RankAsPerson(const std::string& name) {
  static constexpr std::array<std::string_view, 9> kNames{"user_id", "user_ref",   "external_id", "external_ref", "username",
                                                          "handle",  "identifier", "email",       "user"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i] || (name.size() > kNames[i].size() && name.ends_with("_" + std::string{kNames[i]})))
      return static_cast<int>(kNames.size() - i) * 2;
    if (Contains(name, kNames[i])) return static_cast<int>(kNames.size() - i);
  }
  return 0;
}

/// Returns ` | truncate(64)` when the column has a limited length, else an empty text.
std::string Shortened(const Column& column) {
  return column.max_length ? fmt::format(" | truncate({})", *column.max_length) : "";
}

std::string Expression(const Column& column) {
  std::string text = "$memory.metadata." + column.name;
  if (Contains(column.name, "email")) text += " | email";
  return text + Shortened(column);
}

/// Returns a value for a required column that has no source; nothing when it cannot be guessed.
std::optional<std::string> Needed(const Column& column, const TableNotes& notes) {
  const auto referenced = notes.referenced.find(column.name);
  if (referenced != notes.referenced.end())
    return referenced->second.empty() ? std::nullopt : std::optional{nlohmann::json(referenced->second).dump()};
  if (!column.enum_labels.empty()) return nlohmann::json(column.enum_labels.front()).dump();
  if (IsTime(column)) return "$now";
  if (column.base_type == "date") return "$now";
  if (column.IsJson()) return "{}";
  if (column.IsArray()) return "[]";
  if (column.category == 'B') return "false";
  if (column.category == 'N') return "0";
  if (IsText(column)) return column.max_length && *column.max_length < 7 ? "\"-\"" : "\"unknown\"";
  return std::nullopt;
}

std::string Sample(const Column& column) {
  std::string text = Contains(column.name, "email") ? "ada@example.com" : "The " + column.name + " of Ada";
  if (column.max_length && text.size() > static_cast<std::size_t>(*column.max_length)) text = "Ada";
  return column.max_length ? text.substr(0, static_cast<std::size_t>(*column.max_length)) : text;
}

/// Whether the column is a free text that is not a secret, so that it can be filled without further thought.
bool IsPlainCell(const Column& column, const Table& table, const TableNotes& notes) {
  return IsText(column) && notes.checked.count(column.name) == 0 && notes.referenced.count(column.name) == 0 &&
         !IsInUnique(table, column.name) && !Contains(column.name, "password") && !Contains(column.name, "token") &&
         !Contains(column.name, "secret");
}

/// The parts of a first mapping that its table's columns decide.
struct Parts {
  std::string needed;                                                  ///< members of `new`
  std::string set;                                                     ///< lines of `set`
  std::string comments;                                                ///< the same for columns that a person decides about
  std::string touch;                                                   ///< the column of `touch`, or empty
  nlohmann::ordered_json metadata = nlohmann::ordered_json::object();  ///< of the test case's memory
  nlohmann::ordered_json then = nlohmann::ordered_json::object();      ///< the row that the case expects
};

bool IsEmail(const Column* person) {
  return person != nullptr && Contains(person->name, "email");
}

std::string YamlOf(const Table& table, const std::string& name, const Column* person, const Parts& parts) {
  const auto& [needed, set, comments, touch, metadata, then] = parts;
  std::string yaml =
      fmt::format("# Made by `membridge init` from the table {}. A mapping says which rows one memory stands for.\n", name);
  yaml +=
      "# `membridge fields` shows what memories really hold; `membridge test` runs the case below; `membridge plan` shows what "
      "would change.\n";
  yaml += "from: memory\nwhen: $memory.user_id\n\nrows:\n";
  yaml += fmt::format("  {}:\n    table: {}\n", IsPlainName(table.name) ? table.name : "row", nlohmann::json(name).dump());
  if (person != nullptr)
    yaml +=
        fmt::format("    key: {{{}: {}}}    # how the person's row is found, and made\n", person->name,
                    IsEmail(person) ? "$memory.metadata." + person->name + " | email" : "$memory.user_id" + Shortened(*person));
  else
    yaml +=
        "    # Without `key` every memory has a row of its own. No text column of this table is unique and names a person.\n"
        "    # key: {…: $memory.user_id}    # finds the person's row: a column that you add for it, or a path into json\n    "
        "gone: delete\n";
  if (!touch.empty()) yaml += fmt::format("    touch: {{{}: $now}}    # written whenever the bridge changes the row\n", touch);
  if (!needed.empty()) yaml += fmt::format("    new: {{{}}}    # given to a row the bridge makes, and never again\n", needed);
  if (set.empty()) {
    yaml += comments.empty()
                ? ""
                : "    # set:                   # each cell goes to the newest memory that speaks of it\n" + comments;
  } else {
    yaml += "    set:                     # each cell goes to the newest memory that speaks of it\n" + set + comments;
  }
  yaml += fmt::format(
      "\ntests:\n  a memory of a person becomes a row:\n    - memory: {{id: m1, user_id: {}, memory: Ada said so, metadata: "
      "{}}}\n",
      kPerson, metadata.dump());
  yaml += fmt::format("    - then: {{{}: [{}]}}\n", nlohmann::json(name).dump(), then.dump());
  return yaml;
}

}  // namespace

const Column* PersonColumn(const Table& table) {
  const Column* best = nullptr;
  int rank = 0;
  for (const Column& column : table.columns) {
    if (!IsText(column) || column.generated || !IsPlainName(column.name) || !IsUniqueAlone(table, column.name)) continue;
    if (column.max_length && *column.max_length < 16) continue;
    const int own = RankAsPerson(column.name);
    if (own > rank) {
      rank = own;
      best = &column;
    }
  }
  return best;
}

FirstMapping MakeFirstMapping(const Table& table, const TableNotes& notes) {
  FirstMapping made;
  const Column* person = PersonColumn(table);
  const bool by_email = IsEmail(person);
  const std::string name = table.schema == "public" ? table.name : table.schema + "." + table.name;
  Parts parts;
  auto& [needed, set, comments, touch, metadata, then] = parts;
  if (person != nullptr) then[person->name] = by_email ? "ada@example.com" : kPerson;
  if (by_email) metadata[person->name] = "ada@example.com";
  for (const Column& column : table.columns) {
    if (&column == person || !IsPlainName(column.name) || column.generated || column.identity) continue;
    if (column.has_default && IsUniqueAlone(table, column.name)) continue;  // a serial number, which the database assigns
    if (!column.MayBeLeftOut()) {
      // In a unique column use the person's id. A constant would fail for the second person.
      const auto value = IsText(column) && IsInUnique(table, column.name)
                             ? std::optional<std::string>{"$memory.user_id" + Shortened(column)}
                             : Needed(column, notes);
      if (value && notes.checked.count(column.name) == 0) {
        needed += fmt::format("{}{}: {}", needed.empty() ? "" : ", ", column.name, *value);
      } else {
        made.left_open.push_back(
            fmt::format("{} needs a value for {} ({}): write it under `new`", name, column.name, column.type));
        comments += fmt::format("      # {}: …    # {}, required\n", column.name, column.type);
      }
      continue;
    }
    if (IsTime(column) && (Contains(column.name, "updated") || Contains(column.name, "modified"))) {
      touch = column.name;
      continue;
    }
    const std::string note = column.comment.empty() ? "" : ": " + column.comment.substr(0, column.comment.find('\n'));
    if (!IsPlainCell(column, table, notes)) {
      comments += fmt::format("      # {}: {}    # {}{}\n", column.name, Expression(column), column.type, note);
      continue;
    }
    set += fmt::format("      {}: {}{}\n", column.name, Expression(column), note.empty() ? "" : "    # " + note.substr(2));
    const std::string sample = Sample(column);
    metadata[column.name] = sample;
    then[column.name] = sample;
  }
  if (person == nullptr)
    made.left_open.push_back(fmt::format(
        "no column of {} is unique and names a person, so each memory would make a row of its own. Let the mapping find the rows "
        "that "
        "are there by a `key`: a column of yours that holds Mem0's user_id, or a path into json such as \"emails.0.address\"",
        name));
  made.yaml = YamlOf(table, name, person, parts);
  return made;
}

}  // namespace membridge::admin
