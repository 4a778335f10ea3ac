#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/sync/apply/dice.hpp"
#include "tests/sync/apply/generated_crm.hpp"
#include "tests/sync/apply/sheet.hpp"

namespace membridge::test {

/// A state a memory is read in: its record, or null when it is deleted.
struct Reading {
  int memory;
  nlohmann::json record;
};

/// What happens between two human edits.
struct Segment {
  std::string mapping;  ///< empty: the one before stays
  std::string second;   ///< the other mapping; empty: the one before stays
  std::vector<Reading> readings;
  std::string edit;  ///< SQL; empty: nobody types
};

/// What befalls one generated schema.
struct History {
  std::string schema_sql;
  std::vector<Segment> segments;
  std::uint64_t order;  ///< of everything that may come in any order and in batches of any size
  std::string Text() const;
};

/// A history of two to six memories in one to four segments.
History GenerateHistory(GeneratedCrm& crm, Dice& dice);

/// Where histories are played, on three databases: as they happened, as their clean run, and not at all.
class Playground {
 public:
  /// How a history breaks a law of generated_pgtest.cpp.
  struct Fault {
    std::string law;
    std::string difference;  ///< from what is expected, as a JSON patch
  };

  Playground();
  /// The first fault; nothing when every law holds. Throws what the engine throws, and on a mapping that `check` refuses.
  std::optional<Fault> Play(const GeneratedCrm& crm, const History& history);
  /// A history as short as can be found that breaks the same law: fewer readings, edits, facts and lines of mappings.
  History Shorten(const GeneratedCrm& crm, History history, const std::string& law);

 private:
  using States = std::map<int, nlohmann::json>;  // of each memory that was ever read

  static States Live(Sheet& sheet, const History& history);
  static void LiveCleanly(Sheet& sheet, const History& history);
  bool Breaks(const GeneratedCrm& crm, const History& history, const std::string& law);

  Sheet lived_, clean_, untouched_;
};

}  // namespace membridge::test
