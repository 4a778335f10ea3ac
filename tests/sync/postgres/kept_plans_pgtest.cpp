#include <set>

#include "sync/postgres/kept_plans.hpp"
#include "sync/postgres/poolers.hpp"
#include "sync/postgres/session.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/postgres.hpp"

namespace membridge {
namespace {

using namespace std::chrono_literals;
using sync::postgres::KeptPlans;
using sync::postgres::Session;
using sync::postgres::SqlFailure;
using sync::postgres::Transaction;

constexpr const char* kWords = "SELECT words FROM notes WHERE id = $1";

/// What a transaction of its own reads.
std::string WordsOf(Session& session, const std::string& id) {
  Transaction transaction = session.Begin();
  const auto rows = transaction.Run(kWords, {id});
  transaction.Commit();
  return rows.empty() ? "" : std::string{rows.Text(0, 0)};
}

/// How many statements the server keeps for the session.
std::int64_t Kept(Session& session) {
  return session.Run("SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements").Int(0, 0);
}

/// A database with a table of two notes.
struct Notebook : test::PgDatabase {
  Notebook() : PgDatabase(Content::kBare) {
    RunScript(
        "CREATE TABLE public.notes (id integer PRIMARY KEY, words text); "
        "INSERT INTO public.notes VALUES (1, 'one'), (2, 'two')");
  }
};

}  // namespace

TEST_CASE("a statement is prepared when it comes again, and planned anew after some seconds", "[sync]") {
  KeptPlans plans;
  const KeptPlans::TimePoint now{1h};
  CHECK(plans.WayFor("SELECT 1", now).name.empty());
  const auto first = plans.WayFor("SELECT 1", now);
  CHECK(first.prepare);
  const auto second = plans.WayFor("SELECT 1", now + KeptPlans::kLife - 1ms);
  CHECK_FALSE(second.prepare);
  CHECK(second.name == first.name);
  const auto later = plans.WayFor("SELECT 1", now + KeptPlans::kLife);
  CHECK(later.prepare);
  CHECK(later.name != first.name);
  CHECK(plans.TakeUnused() == std::vector{first.name});
  CHECK(plans.TakeUnused().empty());
  plans.Forget();
  CHECK(plans.TakeUnused() == std::vector{later.name});
  CHECK(plans.WayFor("SELECT 1", now).name.empty());
}

TEST_CASE("a session keeps only so many statements", "[sync]") {
  KeptPlans plans;
  const KeptPlans::TimePoint now{1h};
  std::set<std::string> names;
  for (std::size_t n = 0; n < 3 * KeptPlans::kMost; ++n) {
    const std::string sql = "SELECT " + std::to_string(n);
    static_cast<void>(plans.WayFor(sql, now));
    names.insert(plans.WayFor(sql, now).name);
    for (const std::string& name : plans.TakeUnused()) names.erase(name);
    CHECK(names.size() <= KeptPlans::kMost);
  }
}

TEST_CASE("kept plans give what fresh ones do, in every transaction of a session", "[sync][pg]") {
  const Notebook db;
  Session session = db.Session();
  session.KeepPlans();
  for (int i = 0; i < 3; ++i) {
    CHECK(WordsOf(session, "1") == "one");
    CHECK(WordsOf(session, "2") == "two");
    CHECK(WordsOf(session, "3").empty());
  }
  CHECK(Kept(session) == 1);
  {
    // The first statement of a transaction begins it, also when it was prepared.
    Transaction transaction = session.Begin();
    for (int i = 0; i < 2; ++i) transaction.Run("DELETE FROM notes WHERE id = $1", {"1"});
  }
  {
    Transaction transaction = session.Begin();
    transaction.Run("DELETE FROM notes WHERE id = $1", {"1"});
  }
  CHECK(WordsOf(session, "1") == "one");
}

TEST_CASE("a table that changed costs a session with kept plans one failure at most", "[sync][pg]") {
  const Notebook db;
  Session session = db.Session();
  session.KeepPlans();
  for (int i = 0; i < 3; ++i) CHECK(WordsOf(session, "1") == "one");
  SECTION("a column of another type") {
    db.Run("ALTER TABLE public.notes ALTER COLUMN words TYPE varchar(40)");
    CHECK_THROWS_AS(WordsOf(session, "1"), SqlFailure);
    CHECK(WordsOf(session, "1") == "one");
  }
  SECTION("another table of the name") {
    db.RunScript(
        "DROP TABLE public.notes; CREATE TABLE public.notes (id integer, words text); INSERT INTO public.notes VALUES (1, "
        "'new')");
    CHECK(WordsOf(session, "1") == "new");
  }
  SECTION("no table, then one again") {
    db.Run("ALTER TABLE public.notes RENAME TO away");
    for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(WordsOf(session, "1"), SqlFailure);
    db.Run("ALTER TABLE public.away RENAME TO notes");
    for (int i = 0; i < 3; ++i) CHECK(WordsOf(session, "1") == "one");
  }
  SECTION("a value that does not fit") {
    CHECK_THROWS_AS(WordsOf(session, "x"), SqlFailure);
    CHECK(WordsOf(session, "2") == "two");
    CHECK(Kept(session) == 0);  // nothing is left of those that were forgotten
  }
}

TEST_CASE("the bridge's own statements are planned for batches of any size, an application's triggers as the application has it",
          "[sync][pg]") {
  const Notebook db;
  db.Run("ALTER DATABASE " + db.Value("SELECT current_database()") + " SET plan_cache_mode TO 'force_custom_plan'");
  Session session{db.Dsn()};
  session.KeepPlans();
  Transaction transaction = session.Begin();
  const auto mode = [&] {
    return std::string{transaction
                           .Run("SELECT pg_catalog.current_setting('plan_cache_mode') || ', seqscan ' || "
                                "pg_catalog.current_setting('enable_seqscan')")
                           .Text(0, 0)};
  };
  for (int i = 0; i < 2; ++i) {
    CHECK(mode() == "force_generic_plan, seqscan off");
    transaction.EnterRolesPath();
    CHECK(mode() == "force_custom_plan, seqscan on");
    transaction.LeaveRolesPath();
  }
  CHECK(mode() == "force_generic_plan, seqscan off");
}

TEST_CASE("behind a pooler nothing is kept", "[sync][pg]") {
  const Notebook db;
  sync::postgres::UsePoolers({db.Dsn()});
  Session session{db.Dsn()};
  sync::postgres::UsePoolers({});
  session.KeepPlans();
  for (int i = 0; i < 3; ++i) {
    Transaction transaction = session.Begin();
    CHECK(transaction.Run("SELECT $1::integer", {"1"}).Int(0, 0) == 1);
    transaction.Commit();
  }
  CHECK(Kept(session) == 0);
}

}  // namespace membridge
