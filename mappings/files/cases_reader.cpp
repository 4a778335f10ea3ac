#include "mappings/files/cases_reader.hpp"

#include <fmt/format.h>

#include "mappings/files/load_context.hpp"
#include "mappings/files/scalar.hpp"

namespace membridge::mappings {
namespace {

using YamlKind = YamlNode::Kind;
using nlohmann::json;

struct KnownStep {
  const char* name;
  TestStep::Kind kind;
};
constexpr KnownStep kSteps[] = {
    {"given", TestStep::Kind::kGiven},
    {"memory", TestStep::Kind::kMemory},
    {"export", TestStep::Kind::kExport},
    {"event", TestStep::Kind::kEvent},
    {"delete", TestStep::Kind::kDelete},
    {"edit", TestStep::Kind::kEdit},
    {"person_deletes", TestStep::Kind::kPersonDeletes},
    {"parks", TestStep::Kind::kParks},
    {"then", TestStep::Kind::kThen},
};

/// Returns a memory as Mem0 would send it. Its own fields are text, however they look; values inside metadata have YAML's types.
json MemoryBody(const YamlNode& node) {
  json memory = json::object();
  for (const auto& [key, value] : node.entries) {
    const bool flag = value.kind == YamlKind::kScalar && key.text == "synthesized";
    memory[key.text] = value.kind == YamlKind::kScalar && !flag ? AsText(value) : AsTyped(value);
  }
  return memory;
}

json WithMemory(const YamlNode& node) {
  json body = json::object();
  for (const auto& [key, value] : node.entries) {
    body[key.text] = key.text == "memory" && value.kind == YamlKind::kMap ? MemoryBody(value) : AsText(value);
  }
  return body;
}

class TestReader {
 public:
  explicit TestReader(Diagnostics& problems) : problems_(problems) {}

  TestCase Read(const YamlNode& name, const YamlNode& steps) {
    TestCase read{name.text, name.place, {}};
    if (!Expect(steps, YamlKind::kList, "a case is a list of steps")) return read;
    for (const YamlNode& step : steps.items) ReadStep(step, read);
    WarnOfMixedTimes(read);
    return read;
  }

 private:
  /// Warns when only some records of a case have a time. A record without a time counts from the moment the case runs, so it is
  /// newer than all others. The author rarely means that.
  void WarnOfMixedTimes(const TestCase& read) {
    const TestStep* undated = nullptr;
    bool dated = false;
    for (const TestStep& step : read.steps) {
      const char* kind = NameOfArrival(step);
      if (kind == nullptr) continue;
      const json& record = step.kind == TestStep::Kind::kParks ? step.body.at(kind) : step.body;
      if (HasTime(kind, record)) {
        dated = true;
      } else if (undated == nullptr) {
        undated = &step;
      }
    }
    if (!dated || undated == nullptr) return;
    const char* kind = NameOfArrival(*undated);
    const std::string_view time = std::string_view{kind} == "memory"   ? "updated_at"
                                  : std::string_view{kind} == "export" ? "completed_at"
                                                                       : "time";
    problems_.Warn(
        undated->place,
        fmt::format("this {} has no time and others of the case have one: it counts as newer, from the moment the case "
                    "runs; give it \"{}\", or leave all times out",
                    kind, time));
  }

  /// Returns the kind of record that the step brings: `memory`, `export` or `event`; nullptr when it brings none.
  static const char* NameOfArrival(const TestStep& step) {
    switch (step.kind) {
      case TestStep::Kind::kMemory:
        return "memory";
      case TestStep::Kind::kExport:
        return "export";
      case TestStep::Kind::kEvent:
        return "event";
      case TestStep::Kind::kParks:
        for (const char* kind : {"memory", "export", "event"}) {
          if (step.body.contains(kind)) return kind;
        }
        return nullptr;
      default:
        return nullptr;
    }
  }

  static bool HasTime(std::string_view kind, const json& record) {
    if (kind == "export") return record.contains("completed_at");
    if (kind == "event") return record.contains("time");
    return record.contains("updated_at") || record.contains("created_at");
  }

  bool Expect(const YamlNode& node, YamlKind kind, const std::string& message) {
    if (node.kind == kind) return true;
    problems_.Error(node.place, fmt::format("{}, not {}", message, node.KindName()));
    return false;
  }

  void ReadStep(const YamlNode& node, TestCase& read) {
    if (!Expect(node, YamlKind::kMap, "a step is a map, as in - memory: {...}")) return;
    if (node.entries.size() != 1) {
      problems_.Error(node.place, "a step has one keyword; start each with its own \"-\"");
      return;
    }
    std::vector<std::string> names;
    for (const KnownStep& known : kSteps) names.emplace_back(known.name);
    RefuseUnknownKeys(node, names, "step", problems_);
    const auto& [key, value] = node.entries.front();
    for (const KnownStep& known : kSteps) {
      if (key.text != known.name) continue;
      if (auto body = Body(known, value)) read.steps.push_back({known.kind, std::move(*body), key.place});
    }
  }

  std::optional<json> Body(const KnownStep& step, const YamlNode& value) {
    switch (step.kind) {
      case TestStep::Kind::kDelete:
        if (!Expect(value, YamlKind::kScalar, "\"delete\" takes the id of a memory")) return std::nullopt;
        return json(value.text);
      case TestStep::Kind::kThen:
        if (value.kind == YamlKind::kList && value.items.empty()) return json::object();
        return Then(value);
      case TestStep::Kind::kParks:
        if (!Expect(value, YamlKind::kMap, "\"parks\" is written as {memory: {...}, because: text}")) return std::nullopt;
        RefuseUnknownKeys(value, {"memory", "export", "event", "because"}, "keyword of \"parks\"", problems_);
        return WithMemory(value);
      case TestStep::Kind::kMemory:
        if (!Expect(value, YamlKind::kMap, "\"memory\" takes a record")) return std::nullopt;
        return MemoryBody(value);
      case TestStep::Kind::kEvent:
        if (!Expect(value, YamlKind::kMap, "\"event\" takes a record")) return std::nullopt;
        return WithMemory(value);
      case TestStep::Kind::kExport:
        if (!Expect(value, YamlKind::kMap, "\"export\" takes a record")) return std::nullopt;
        return AsTyped(value);
      case TestStep::Kind::kGiven:
      case TestStep::Kind::kEdit:
      case TestStep::Kind::kPersonDeletes:
        if (!Expect(value, YamlKind::kMap, fmt::format("\"{}\" takes rows by table", step.name))) return std::nullopt;
        return AsTyped(value);
    }
    return std::nullopt;
  }

  std::optional<json> Then(const YamlNode& value) {
    if (!Expect(value, YamlKind::kMap, "\"then\" takes rows by table, or [] for untouched")) return std::nullopt;
    for (const auto& [table, rows] : value.entries) {
      if (!Expect(rows, YamlKind::kList, "a table takes a list of rows, or [] for untouched")) return std::nullopt;
      for (const YamlNode& row : rows.items) {
        if (row.kind == YamlKind::kMap || (row.kind == YamlKind::kScalar && row.text == "deleted")) continue;
        problems_.Error(row.place, "a row is a map of columns, or the word deleted");
      }
    }
    return AsTyped(value);
  }

  Diagnostics& problems_;
};

}  // namespace

std::vector<TestCase> ReadTests(const YamlNode& tests, Diagnostics& problems) {
  std::vector<TestCase> cases;
  if (tests.kind != YamlKind::kMap) {
    problems.Error(tests.place, fmt::format("tests are a map of cases by name, not {}", tests.KindName()));
    return cases;
  }
  TestReader reader{problems};
  for (const auto& [name, steps] : tests.entries) cases.push_back(reader.Read(name, steps));
  return cases;
}

}  // namespace membridge::mappings
