// What `check` says of a mapping against tables of a real PostgreSQL, word for word.

#include "mappings/check/check.hpp"
#include "mappings/files/loader.hpp"
#include "sync/catalog/catalog_reader.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::test {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kTables = R"sql(
  CREATE EXTENSION citext;
  CREATE TYPE mood AS ENUM ('glad', 'sad');
  CREATE TABLE accounts (
    handle text PRIMARY KEY, isdeleted boolean, active boolean NOT NULL DEFAULT false, deleted_at timestamptz, gone_at timestamp,
    ended timestamptz NOT NULL DEFAULT 'infinity', deleteat bigint NOT NULL DEFAULT 0,
    alive boolean GENERATED ALWAYS AS (deleteat = 0) STORED, moved timestamptz, said timestamp, zoned timestamptz, day date,
    clock time, visits bigint, amount numeric(10,2), note text, tags text[], attrs jsonb, code varchar(10), flag boolean, mood mood,
    token uuid);
  CREATE TABLE grants (user_id text NOT NULL, role_id integer NOT NULL, note text);
  CREATE TABLE attributes (contact text NOT NULL, name citext NOT NULL, number integer NOT NULL DEFAULT 0, value text,
                           PRIMARY KEY (contact, name, number));
  CREATE TABLE products (name jsonb NOT NULL, stock text, id serial PRIMARY KEY);
)sql";

/// The tables, read once; and what `check` says of mappings against them.
class Checked {
 public:
  Checked() {
    database_.RunScript(kTables);
    auto session = database_.Session();
    catalog_ = sync::ReadCatalog(session).value();
  }

  Lines Of(const std::vector<std::string>& files) const {
    mappings::Diagnostics problems;
    std::vector<mappings::Mapping> loaded;
    for (std::size_t i = 0; i < files.size(); ++i) {
      auto mapping = mappings::LoadMapping(i == 0 ? "crm.yaml" : "more.yaml", files[i], {}, problems);
      REQUIRE(mapping);
      loaded.push_back(std::move(*mapping));
    }
    std::vector<const mappings::Mapping*> all;
    for (const auto& one : loaded) all.push_back(&one);
    mappings::CheckAgainst(catalog_, all, problems);
    Lines lines;
    for (const auto& one : problems.Sorted()) lines.push_back(one.Text());
    return lines;
  }

  /// Of a row of accounts, whose further body starts on line 5 of the file.
  Lines OfAccount(const std::string& body, const std::string& head = "") const {
    return Of({head + "rows:\n  one:\n    table: accounts\n    key: {handle: $memory.user_id}\n" + body});
  }

 private:
  PgDatabase database_{PgDatabase::Content::kBare};
  mappings::Catalog catalog_;
};

const Checked& Tables() {
  static const Checked tables;
  return tables;
}

}  // namespace

TEST_CASE("check sees what a soft-delete column cannot do", "[check][live][pg][T22]") {
  const auto [body, problem] = GENERATE(table<std::string, std::string>({
      {"    live: deletedat\n", "5:5: error: accounts has no column \"deletedat\"; did you mean \"deleted_at\"?"},
      {"    live: note\n", "5:5: error: accounts.note is text; \"live\" takes a time (null is live) or a boolean (true is live)"},
      {"    live: \"!note\"\n", "5:5: error: accounts.note is text; \"!note\" takes a boolean (false or null is live)"},
      {"    live: \"!deleted_at\"\n",
       "5:5: error: accounts.deleted_at is timestamp with time zone; \"!deleted_at\" takes a boolean (false or null is live)"},
      {"    live: {column: deleteat, is: none}\n", "5:20: error: accounts.deleteat is bigint; \"none\" is not a bigint"},
      {"    live: {column: deleteat, is: null}\n", "5:20: error: accounts.deleteat is NOT NULL; null cannot be written to it"},
      {"    live: {column: mood, is: happy}\n", "5:20: error: accounts.mood is mood; it has no \"happy\""},
      {"    live: {column: deleteat, is: 0, gone: never}\n    gone: delete\n",
       "5:20: error: accounts.deleteat is bigint; \"never\" is not a bigint"},
      {"    live: ended\n    gone: delete\n",
       "5:5: error: accounts.ended is NOT NULL, and null is what a row that is alive holds; say which value is live: {column: "
       "ended, is: ..., gone: ...}"},
      {"    live: gone_at\n    gone: delete\n",
       "5:5: warning: accounts.gone_at is timestamp without time zone, and no zone is said: it gets the time of UTC; say which "
       "under \"session\", as in timezone: UTC"},
      {"    live: \"!isdeleted\"\n    new: {isdeleted: true}\n",
       "6:22: error: \"live\" says that a row with true in accounts.isdeleted is deleted, so a new row would never be seen"},
      {"    live: active\n    new: {active: false}\n",
       "6:19: error: \"live\" says that a row with false in accounts.active is deleted, so a new row would never be seen"},
      {"    live: {column: deleteat, is: 0}\n    set: {deleteat: 1}\n",
       "6:21: error: \"live\" says that a row with 1 in accounts.deleteat is deleted, so a new row would never be seen"},
      {"    live: deleted_at\n    set: {deleted_at: 2026-01-01}\n",
       "6:23: error: \"live\" says that a row with 2026-01-01 in accounts.deleted_at is deleted, so a new row would never be "
       "seen"},
      {"    live: alive\n    gone: delete\n",
       "5:5: error: accounts.alive is computed by the database, so \"gone: delete\" cannot write it; name the column it is "
       "computed from"},
      {"    live: alive\n",
       "5:5: warning: accounts.alive is computed by the database: the bridge cannot see to it that a new row is alive, and takes "
       "back what it wrote in a dead one at the next reading"},
  }));
  CAPTURE(body);
  CHECK(Tables().OfAccount(body) == Lines{"crm.yaml:" + problem});
}

TEST_CASE("check lets soft deletes of every shape pass", "[check][live][pg]") {
  const auto* const body =
      GENERATE("    live: deleted_at\n    gone: delete\n", "    live: active\n    gone: delete\n", "    live: active\n",
               "    live: \"!isdeleted\"\n    gone: delete\n", "    live: {column: deleteat, is: 0}\n",
               "    live: {column: deleteat, is: 0, gone: $now | epoch_ms}\n    gone: delete\n",
               "    live: {column: mood, is: glad, gone: sad}\n    gone: delete\n",
               "    live: {column: ended, is: infinity, gone: $now}\n    gone: delete\n",
               "    live: {column: note, is: null, gone: $vars.mark}\n    gone: delete\n", "    live: ended\n");
  CAPTURE(body);
  CHECK(Tables().OfAccount(body, "vars: {mark: gone}\n") == Lines{});
}

TEST_CASE("check sees that changed names a time", "[check][changed][pg]") {
  CHECK(Tables().OfAccount("    force: {attrs: $memory.metadata}\n    changed: note\n") ==
        Lines{"crm.yaml:6:5: error: accounts.note is text; \"changed\" takes a time"});
  CHECK(Tables().OfAccount("    force: {attrs: $memory.metadata}\n    changed: movd\n") ==
        Lines{"crm.yaml:6:5: error: accounts has no column \"movd\"; did you mean \"moved\"?"});
  CHECK(Tables().OfAccount("    force: {attrs: $memory.metadata}\n    changed: moved\n") == Lines{});
}

TEST_CASE("check sees what cannot tell rows apart", "[check][identity][pg]") {
  const auto grants = [](const std::string& identity, const std::string& name = "one") {
    return "rows:\n  " + name + ":\n    table: grants\n    identity: " + identity +
           "\n    key: {user_id: $memory.user_id, role_id: $memory.metadata.role}\n";
  };
  const std::string no_index = ":5:10: warning: no unique index covers grants (user_id, role_id); two rows may match.";
  CHECK(Tables().Of({grants("[user_id, role_id]")}) == Lines{});
  CHECK(Tables().Of({grants("[role_id]")}) == Lines{});
  CHECK(Tables().Of({grants("[user_id, note]")}) ==
        Lines{"crm.yaml:4:5: error: grants.note may be null, so it cannot tell rows apart; \"identity\" takes NOT NULL columns",
              "crm.yaml" + no_index});
  CHECK(Tables().Of({grants("[user_id, rol_id]")}) ==
        Lines{"crm.yaml:4:5: error: grants has no column \"rol_id\"; did you mean \"role_id\"?", "crm.yaml" + no_index});
  CHECK(
      Tables().Of({grants("[user_id, role_id]"), grants("[role_id, user_id]")}) ==
      Lines{
          "more.yaml:4:5: error: the rows of grants are told apart by (user_id, role_id) elsewhere; write the same everywhere"});
  CHECK(Tables().OfAccount("    identity: [handle]\n") ==
        Lines{"crm.yaml:5:5: error: accounts has a key that tells its rows apart, (handle); leave \"identity\" out"});
  CHECK(Tables().Of({"rows:\n  one:\n    table: grants\n    key: {user_id: $memory.user_id, role_id: 1}\n"}) ==
        Lines{"crm.yaml:3:12: error: grants has neither a primary key nor a unique index of NOT NULL columns, so its rows could "
              "not be remembered; add one, or name columns that tell them apart: identity: [...]",
              "crm.yaml:4:10: warning: no unique index covers grants (user_id, role_id); two rows may match."});
}

TEST_CASE("check sees elements and paths where there can be none", "[check][pg]") {
  const auto [cell, problem] = GENERATE(table<std::string, std::string>({
      {"tags[;]", "error: accounts.tags is text[], not text; write tags[]"},
      {"attrs[;]", "error: accounts.attrs is jsonb, not text; write attrs[]"},
      {"visits[;]", "error: accounts.visits is bigint, not text; write it without []"},
      {"note[]", "error: accounts.note is text, neither an array nor jsonb; write it without []"},
      {"note.\"plan.tier\"", "error: accounts.note is text, not jsonb; it has no path \"plan.tier\""},
      {"note.plan.tier", "error: accounts.note is text, not jsonb; it has no path \"plan.tier\""},
  }));
  CAPTURE(cell);
  CHECK(Tables().OfAccount("    set:\n      " + cell + ": $memory.categories\n") == Lines{"crm.yaml:6:7: " + problem});
  CHECK(Tables().OfAccount("    set: {\"note[;]\": $memory.categories, \"tags[]\": $memory.categories}\n") == Lines{});
}

TEST_CASE("check sees times that do not fit their column", "[check][times][pg]") {
  const auto [value, problem] = GENERATE(table<std::string, std::string>({
      {"visits: $now",
       "15: error: accounts.visits is bigint and cannot take a time; add \"| epoch\" for seconds since 1970, or \"| epoch_ms\" "
       "for "
       "milliseconds"},
      {"amount: $memory.updated_at",
       "15: error: accounts.amount is numeric(10,2) and cannot take a time; add \"| epoch\" for seconds since 1970, or \"| "
       "epoch_ms\" for milliseconds"},
      {"visits: $memory.metadata.n | time('ms')",
       "15: error: accounts.visits is bigint and cannot take a time; add \"| epoch\" for seconds since 1970, or \"| epoch_ms\" "
       "for "
       "milliseconds"},
      {"flag: $now", "13: error: accounts.flag is boolean and cannot take a time"},
      {"mood: $memory.created_at", "13: error: accounts.mood is mood and cannot take a time"},
      {"token: $now", "14: error: accounts.token is uuid and cannot take a time"},
      {"said: $now",
       "13: warning: accounts.said is timestamp without time zone, and no zone is said: it gets the time of UTC; add \"| "
       "at('Europe/Berlin')\", or say which under \"session\", as in timezone: UTC"},
      {"said: $memory.metadata.when",
       "13: warning: accounts.said is timestamp without time zone, and no zone is said: it gets the time of UTC; add \"| "
       "at('Europe/Berlin')\", or say which under \"session\", as in timezone: UTC"},
      {"day: $memory.updated_at",
       "12: warning: accounts.day is date, and no zone is said: it gets the time of UTC; add \"| at('Europe/Berlin')\", or say "
       "which under \"session\", as in timezone: UTC"},
      {"clock: $now",
       "14: error: accounts.clock is time without time zone and cannot take a time; add \"| at('Europe/Berlin') | "
       "capture('T(.+)')\" "
       "for the time of day"},
  }));
  CAPTURE(value);
  CHECK(Tables().OfAccount("    set:\n      " + value + "\n") == Lines{"crm.yaml:6:" + problem});
  if (problem.find("warning") != std::string::npos) {
    CHECK(Tables().OfAccount("    set:\n      " + value + "\n", "session: {timezone: UTC}\n") == Lines{});
  }
}

TEST_CASE("check lets times pass that fit, and says of new and touch what it says of set", "[check][times][pg]") {
  const auto* const value =
      GENERATE("visits: $now | epoch_ms", "amount: $memory.updated_at | epoch", "said: $memory.metadata.when | at('Asia/Tokyo')",
               "zoned: $now", "zoned: $memory.metadata.when", "day: $memory.metadata.due", "day: $memory.updated_at | date",
               "day: $now | at('Asia/Tokyo')", "note: $now", "attrs: $now", "attrs.when: $now", "clock: $memory.metadata.at",
               "'clock': \"$now | at('Asia/Tokyo') | capture('T(.+)')\"");
  CAPTURE(value);
  CHECK(Tables().OfAccount(std::string{"    set:\n      "} + value + "\n") == Lines{});
  for (const char* const keyword : {"new", "touch", "force"}) {
    CHECK(Tables().OfAccount(std::string{"    "} + keyword + ":\n      flag: $now\n") ==
          Lines{"crm.yaml:6:13: error: accounts.flag is boolean and cannot take a time"});
  }
}

TEST_CASE("check suggests truncate for a cell and never for a key", "[check][pg]") {
  CHECK(Tables().OfAccount("    set: {code: $memory.text}\n") ==
        Lines{"crm.yaml:5:17: warning: accounts.code is character varying(10); longer text will park the memory: add \"| "
              "truncate(10)\""});
  CHECK(Tables().Of({"rows:\n  one:\n    table: accounts\n    create: false\n    key: {code: $memory.text}\n"}) ==
        Lines{"crm.yaml:5:10: warning: no unique index covers accounts (code); two rows may match. Unique here: (handle)",
              "crm.yaml:5:17: warning: accounts.code is character varying(10); a longer key will park the memory"});
}

TEST_CASE("a key on a path gives its NOT NULL column a value", "[check][pg][T16]") {
  const auto* const body =
      GENERATE("key: {name.en_US: $memory.metadata.p}", "key: {name: $memory.metadata.p}", "new: {name.en_US: x}",
               "set: {name.en_US: $memory.metadata.p}", "set: {'name.tags[]': $memory.categories}",
               "set: {'(name.en_US, stock)': [$memory.metadata.p, $memory.metadata.s]}");
  CAPTURE(body);
  const Lines problems = Tables().Of({std::string{"rows:\n  one:\n    table: products\n    "} + body + "\n"});
  for (const std::string& line : problems) CHECK(line.find("NOT NULL") == std::string::npos);
  CHECK(
      Tables().Of({"rows:\n  one:\n    table: products\n    key: {id: 1}\n"}) ==
      Lines{"crm.yaml:3:5: error: products.name is NOT NULL without a default, and this row may be created: give it in \"new\""});
}

TEST_CASE("two mappings share a column whose rows constants keep apart", "[check][pg][T24]") {
  const auto attribute = [](const std::string& key, const std::string& cell = "value") {
    return "vars: {city: city}\nrows:\n  one:\n    table: attributes\n    key: {contact: $memory.user_id, " + key +
           "}\n    set: {" + cell + ": $memory.text}\n";
  };
  const auto shared = [&](const std::string& one, const std::string& other) {
    for (const std::string& line : Tables().Of({attribute(one), attribute(other)})) {
      if (line == "more.yaml:6:11: error: attributes.value is also written by crm.yaml:6:11; a cell belongs to one mapping")
        return true;
    }
    return false;
  };
  CHECK_FALSE(shared("name: city", "name: town"));
  CHECK_FALSE(shared("name: $vars.city", "name: town"));
  CHECK_FALSE(shared("name: city, number: 1", "name: city, number: 2"));
  CHECK_FALSE(shared("name: $memory.metadata.n, number: 1", "name: $memory.metadata.n, number: 2"));
  CHECK(shared("name: city", "name: city"));
  CHECK(shared("name: city", "name: City"));  // the same to citext
  CHECK(shared("name: city", "name: $vars.city"));
  CHECK(shared("name: city", "name: $memory.metadata.name"));
  CHECK(shared("name: city, number: 1", "name: city, number: 01"));  // the same to an integer
  CHECK(shared("number: 1", "name: city"));
}

}  // namespace membridge::test
