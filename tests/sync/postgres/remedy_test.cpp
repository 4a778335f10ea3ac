#include "sync/postgres/remedy.hpp"

#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sync/postgres/timeouts.hpp"
#include "tests/support/catch.hpp"

namespace membridge::test {
namespace {

using sync::postgres::Remedy;
using sync::postgres::RemedyFor;
using sync::postgres::SqlFailure;

Remedy RemedyOf(const std::string& sqlstate, std::chrono::milliseconds after = std::chrono::milliseconds{1}) {
  return RemedyFor(SqlFailure({.sqlstate = sqlstate, .message = "refused", .after = after}));
}

}  // namespace

TEST_CASE("every class of SQLSTATE has its remedy", "[remedy][T1][T2][T4]") {
  // One code of every class in PostgreSQL's appendix A, and those codes that differ from their class.
  const std::vector<std::pair<Remedy, std::vector<std::string>>> kTable{
      {Remedy::kPark,
       {"01000", "02000", "03000", "09000", "0B000", "0F001", "0L000", "0P000", "0Z000", "20000", "21000", "22000", "22007",
        "22012", "22021", "22023", "22P05", "23000", "23001", "23502", "23503", "23505", "23514", "23P01", "24000", "25000",
        "25001", "25P01", "25P02", "26000", "27000", "2B000", "2D000", "2F000", "2F005", "34000", "38000", "39000", "3B000",
        "42000", "42501", "42601", "42P10", "42P16", "44000", "54000", "54001", "54011", "54023", "55000", "55P02", "55P04",
        "72000", "F0000", "HV000", "P0000", "P0001", "P0004", "XX000", "XX001", "XX002", "MB001"}},
      {Remedy::kLookAtTables,
       {"0A000", "22001", "22003", "22P02", "3F000", "42703", "42704", "42804", "42846", "42883", "42P01", "428C9"}},
      {Remedy::kPutBack, {"40000", "40001", "40002", "40003", "40P01", "55006", "55P03", "57014"}},
      {Remedy::kReconnect, {"25P03", "25P04", "57P05"}},
      {Remedy::kProbe,
       {"08000", "08003", "08006", "08007", "08P01", "53200", "53400", "57000", "57P01", "57P02", "58000", "58030"}},
      {Remedy::kStandStill,
       {"08001", "08004", "25006", "28000", "28P01", "3D000", "53000", "53100", "53300", "57P03", "57P04", "MB002"}},
  };
  for (const auto& [remedy, states] : kTable) {
    for (const std::string& state : states) {
      INFO(state << " is expected to be " << NameOf(remedy));
      CHECK(RemedyOf(state) == remedy);
    }
  }
}

TEST_CASE("a statement that used up its time is the unit's own, one that was cancelled before is not", "[remedy]") {
  const auto statement = sync::postgres::TimeoutsInUse().statement;
  CHECK(RemedyOf("57014", statement / 2) == Remedy::kPutBack);
  CHECK(RemedyOf("57014", statement) == Remedy::kProbe);
}

TEST_CASE("exceptions that are not PostgreSQL's park what they came from, and memory that ran out is probed", "[remedy]") {
  CHECK(RemedyFor(std::runtime_error{"odd"}) == Remedy::kPark);
  CHECK(RemedyFor(std::out_of_range{"odd"}) == Remedy::kPark);
  CHECK(RemedyFor(std::bad_alloc{}) == Remedy::kProbe);
  const SqlFailure failure({.sqlstate = "40P01", .message = "deadlock detected"});
  CHECK(RemedyFor(static_cast<const std::exception&>(failure)) == Remedy::kPutBack);
}

TEST_CASE("what a log is told of a failure holds no words of the database", "[remedy]") {
  const SqlFailure failure({.sqlstate = "23505", .message = "Key (email)=(ada@example.com)", .table = "people"});
  CHECK(sync::postgres::SafeWordsOf(failure) == "sqlstate 23505 on table people");
  CHECK(sync::postgres::SafeWordsOf(std::runtime_error{"ada@example.com"}).find("ada") == std::string::npos);
}

}  // namespace membridge::test
