#include "tests/sync/apply/generated_history.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <stdexcept>

namespace membridge::test {
namespace {

using nlohmann::json;

/// Elements of a set compare as a set.
json Sorted(json value) {
  if (value.is_structured()) {
    for (json& part : value) part = Sorted(part);
  }
  if (value.is_array()) std::sort(value.begin(), value.end());
  return value;
}

json PictureGeneratedHistory(const Sheet& sheet, const std::string& query) {
  return Sorted(json::parse(sheet.Database().Value(query)));
}

sync::Source SourceOf(Sheet& sheet, const Reading& reading) {
  if (!reading.record.is_null()) return sheet.SourceOf(reading.record);
  sync::Source gone = sheet.SourceOf({{"id", "m" + std::to_string(reading.memory)}});
  gone.speaks = false;
  gone.gone = true;
  return gone;
}

void Apply(Sheet& sheet, const std::vector<Reading>& readings) {
  std::vector<sync::Source> sources;
  for (const Reading& reading : readings) sources.push_back(SourceOf(sheet, reading));
  for (const auto& outcome : sheet.Apply(sources)) {
    if (!outcome.cause.empty()) throw std::runtime_error("refused: " + outcome.cause);
  }
}

/// The tables of another schema take the place of those before, and the ledger knows nothing of them. Quicker than a new
/// database.
void Restart(Sheet& sheet, const std::string& schema_sql) {
  sheet.Run(
      "DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS \"Crm\" CASCADE; DROP SCHEMA IF EXISTS \"Types\" "
      "CASCADE;"
      "TRUNCATE membridge.contributions, membridge.former_speakers, membridge.released, membridge.rows, membridge.sources, "
      "membridge.waiting, membridge.sought, "
      "membridge.made;" +
      schema_sql);
  sheet.Unmap();
}

/// Whether the segment begins with an edit of a mapping file.
bool Remap(Sheet& sheet, const Segment& segment) {
  if (!segment.mapping.empty()) sheet.Remap(segment.mapping);
  if (!segment.second.empty()) sheet.Remap(segment.second, "second");
  return !segment.mapping.empty() || !segment.second.empty();
}

/// The same text without its line `number`, if that is a cell; nothing when there is no such line. What a row is found by and
/// when it goes stays: histories of mappings that disagree on it are not covered by the laws.
std::optional<std::string> WithoutLine(const std::string& text, int number) {
  std::size_t start = 0;
  for (; number > 0 && start < text.size(); --number) start = text.find('\n', start) + 1;
  if (start >= text.size()) return std::nullopt;
  const std::size_t end = text.find('\n', start) + 1;
  const std::string line = text.substr(start, end - start);
  const bool is_cell =
      line.starts_with("      ") && line[6] != ' ' && line[6] != '-' && line.find("domain:") == std::string::npos;
  return is_cell ? text.substr(0, start) + text.substr(end) : text;
}

bool AnybodyTyped(const History& history) {
  return std::any_of(history.segments.begin(), history.segments.end(), [](const Segment& one) { return !one.edit.empty(); });
}

}  // namespace

std::string History::Text() const {
  std::string text = schema_sql + "\n";
  for (const Segment& segment : segments) {
    if (!segment.mapping.empty()) text += "--- mapping\n" + segment.mapping;
    if (!segment.second.empty()) text += "--- second mapping\n" + segment.second;
    for (const Reading& reading : segment.readings)
      text += "m" + std::to_string(reading.memory) + " " + reading.record.dump() + "\n";
    if (!segment.edit.empty()) text += "--- " + segment.edit + "\n";
  }
  return text;
}

History GenerateHistory(GeneratedCrm& crm, Dice& dice) {
  const int memories = 2 + dice.Below(5);
  std::vector<std::vector<json>> states(static_cast<std::size_t>(memories));
  for (int memory = 0; memory < memories; ++memory) {
    for (int version = 0; version < 3; ++version) {
      json& record = states[static_cast<std::size_t>(memory)].emplace_back(crm.Record(memory, version));
      if (dice.OneIn(8)) record["expiration_date"] = "2026-01-01";
      if (dice.OneIn(4)) record = nullptr;
    }
  }
  History history{crm.SchemaSql(), std::vector<Segment>(static_cast<std::size_t>(1 + dice.Below(4))), 0};
  for (std::size_t i = 0; i < history.segments.size(); ++i) {
    Segment& segment = history.segments[i];
    if (i == 0 || dice.OneIn(2)) segment.mapping = crm.MappingYaml();
    if (crm.HasSecond() && (i == 0 || dice.OneIn(3))) segment.second = crm.SecondYaml();
    for (int reads = 2 + dice.Below(2 * memories); reads > 0; --reads) {
      const int memory = dice.Below(memories);
      segment.readings.push_back({memory, dice.Pick(states[static_cast<std::size_t>(memory)])});
    }
    if (i + 1 < history.segments.size() && !dice.OneIn(3)) segment.edit = crm.Edit(static_cast<int>(i));
  }
  history.order = static_cast<std::uint64_t>(dice.Below(1 << 30));
  return history;
}

Playground::Playground()
    : lived_("CREATE TABLE t (a integer PRIMARY KEY)", "rows: {t: {table: t, key: {a: 1}}}"),
      clean_("CREATE TABLE t (a integer PRIMARY KEY)", "rows: {t: {table: t, key: {a: 1}}}"),
      untouched_("CREATE TABLE t (a integer PRIMARY KEY)", "rows: {t: {table: t, key: {a: 1}}}") {}

/// As it happened; answers the final states. In the end every memory is read once more: `force` overrules a person at a read.
Playground::States Playground::Live(Sheet& sheet, const History& history) {
  Dice dice{history.order};
  States states;
  const auto all = [&] {
    std::vector<Reading> readings;
    for (const auto& [memory, record] : states) readings.push_back({memory, record});
    dice.Shuffle(readings);
    return readings;
  };
  const auto apply = [&](const std::vector<Reading>& readings, int largest) {
    for (std::size_t next = 0; next < readings.size();) {
      std::vector<Reading> batch;
      std::set<int> asked;
      for (int size = 1 + dice.Below(largest); size > 0 && next < readings.size(); --size) {
        if (!asked.insert(readings[next].memory).second) break;
        batch.push_back(readings[next++]);
      }
      Apply(sheet, batch);
    }
  };
  for (const Segment& segment : history.segments) {
    if (Remap(sheet, segment)) apply(all(), 3);
    apply(segment.readings, 4);
    for (const Reading& reading : segment.readings) states[reading.memory] = reading.record;
    if (!segment.edit.empty()) sheet.Run(segment.edit);
  }
  apply(all(), 1);
  return states;
}

void Playground::LiveCleanly(Sheet& sheet, const History& history) {
  States states;
  const auto apply_all = [&] {
    for (const auto& [memory, record] : states) Apply(sheet, {{memory, record}});
  };
  for (const Segment& segment : history.segments) {
    Remap(sheet, segment);
    for (const Reading& reading : segment.readings) states[reading.memory] = reading.record;
    if (segment.edit.empty()) continue;
    apply_all();
    sheet.Run(segment.edit);
  }
  apply_all();
}

std::optional<Playground::Fault> Playground::Play(const GeneratedCrm& crm, const History& history) {
  const auto differs = [](const char* law, const json& there, const json& expected) {
    return there == expected ? std::nullopt : std::optional{Fault{law, json::diff(expected, there).dump()}};
  };
  for (Sheet* sheet : {&lived_, &clean_, &untouched_}) Restart(*sheet, history.schema_sql);
  const States states = Live(lived_, history);
  LiveCleanly(clean_, history);
  if (auto fault = differs("the rows of the clean run", PictureGeneratedHistory(lived_, crm.PictureSql()),
                           PictureGeneratedHistory(clean_, crm.PictureSql())))
    return fault;

  std::vector<int> memories;
  for (const auto& [memory, record] : states) memories.push_back(memory);
  Dice{history.order}.Shuffle(memories);
  for (const int memory : memories) Apply(lived_, {{memory, nullptr}});
  if (!AnybodyTyped(history)) {
    if (auto fault = differs("what was there before", PictureGeneratedHistory(lived_, crm.PictureSql()),
                             PictureGeneratedHistory(untouched_, crm.PictureSql())))
      return fault;
  }
  if (lived_.Database().Count("membridge.contributions") != 0) return Fault{"no contribution is left", ""};
  for (const json& leftover : PictureGeneratedHistory(lived_, crm.LeftoverSql())) {
    if (auto fault = differs("what is left looks new", leftover, PictureGeneratedHistory(lived_, crm.ReferenceSql())))
      return fault;
  }
  return std::nullopt;
}

bool Playground::Breaks(const GeneratedCrm& crm, const History& history, const std::string& law) {
  try {
    const auto fault = Play(crm, history);
    return fault && fault->law == law;
  } catch (const std::exception& error) {
    return false;  // such a mapping says nothing, or nothing that fits the tables
  }
}

History Playground::Shorten(const GeneratedCrm& crm, History history, const std::string& law) {
  const auto adopt = [&](const std::function<bool(History&)>& cut) {
    History shorter = history;
    if (!cut(shorter) || shorter.segments.empty() || shorter.segments.front().mapping.empty() || !Breaks(crm, shorter, law))
      return false;
    history = std::move(shorter);
    return true;
  };
  const auto shorten_segment = [&](std::size_t at) {
    adopt([&](History& h) { return h.segments.erase(h.segments.begin() + static_cast<std::ptrdiff_t>(at)), true; });
    if (at >= history.segments.size()) return;
    adopt([&](History& h) { return !std::exchange(h.segments[at].edit, "").empty(); });
    for (std::size_t i = history.segments[at].readings.size(); i-- > 0;)
      adopt([&](History& h) {
        return h.segments[at].readings.erase(h.segments[at].readings.begin() + static_cast<std::ptrdiff_t>(i)), true;
      });
    for (std::string Segment::*mapping : {&Segment::mapping, &Segment::second}) {
      adopt([&](History& h) { return !std::exchange(h.segments[at].*mapping, "").empty(); });
      for (int line = 0; WithoutLine(history.segments[at].*mapping, line);) {
        const bool shorter = adopt([&](History& h) {
          const std::string before = std::exchange(h.segments[at].*mapping, *WithoutLine(h.segments[at].*mapping, line));
          return h.segments[at].*mapping != before;
        });
        if (!shorter) ++line;
      }
    }
    for (std::size_t i = 0; i < history.segments[at].readings.size(); ++i) {
      const json record = history.segments[at].readings[i].record;
      if (!record.is_object()) continue;
      for (const auto& [fact, value] : record.at("metadata").items())
        adopt([&, name = fact](History& h) { return h.segments[at].readings[i].record.at("metadata").erase(name) > 0; });
    }
  };
  std::size_t length = 0;
  do {
    length = history.Text().size();
    for (std::size_t at = history.segments.size(); at-- > 0;) {
      if (at < history.segments.size()) shorten_segment(at);
    }
  } while (history.Text().size() < length);
  return history;
}

}  // namespace membridge::test
