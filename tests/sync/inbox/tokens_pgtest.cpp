#include <algorithm>
#include <chrono>

#include "sync/inbox/tokens.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge {
namespace {

using namespace std::chrono_literals;
using sync::Token;
using sync::Tokens;
using sync::postgres::SqlFailure;
using sync::postgres::Transaction;
using test::InTransaction;
using test::kCrm;
using test::PgDatabase;

std::string Issue(const PgDatabase& db, const std::string& hash, std::optional<Instant> expires_at = std::nullopt,
                  const ProjectId& project = kCrm) {
  return InTransaction(db, [&](Transaction& transaction) { return Tokens{transaction}.Issue(project, hash, expires_at); });
}

std::vector<std::string> ValidHashes(const PgDatabase& db) {
  std::vector<std::string> hashes;
  for (const Token& token : InTransaction(db, [](Transaction& transaction) { return Tokens{transaction}.Valid(); })) {
    hashes.push_back(token.project.Text() + ":" + token.hash);
  }
  std::ranges::sort(hashes);
  return hashes;
}

std::vector<Token> ListTokens(const PgDatabase& db, const std::optional<ProjectId>& project = std::nullopt) {
  return InTransaction(db, [&](Transaction& transaction) { return Tokens{transaction}.List(project); });
}

bool Retire(const PgDatabase& db, const std::string& id, std::chrono::seconds overlap) {
  return InTransaction(db, [&](Transaction& transaction) { return Tokens{transaction}.Retire(id, overlap); });
}

std::size_t RetireOthers(const PgDatabase& db, const std::string& keep, std::chrono::seconds overlap) {
  return InTransaction(db, [&](Transaction& transaction) { return Tokens{transaction}.RetireOthers(kCrm, keep, overlap); });
}

}  // namespace

TEST_CASE("an issued token is listed and valid until it expires", "[sync][pg]") {
  const PgDatabase db;
  const std::string id = Issue(db, "aa");
  Issue(db, "bb", *ParseRfc3339("2020-01-01T00:00:00Z"));
  Issue(db, "cc", *ParseRfc3339("2199-01-01T00:00:00Z"), ProjectId{"shop"});
  CHECK(ValidHashes(db) == std::vector<std::string>{"crm:aa", "shop:cc"});
  CHECK(ListTokens(db).size() == 3);
  const std::vector<Token> tokens = ListTokens(db, kCrm);
  REQUIRE(tokens.size() == 2);
  CHECK(tokens[0].hash == "bb");
  CHECK(tokens[0].expires_at == ParseRfc3339("2020-01-01T00:00:00Z"));
  CHECK(tokens[1].id == id);
  CHECK_FALSE(tokens[1].expires_at.has_value());
  CHECK_FALSE(tokens[1].last_used.has_value());
  CHECK(tokens[1].created_at > *tokens[0].expires_at);
}

TEST_CASE("two tokens cannot share a hash", "[sync][pg]") {
  const PgDatabase db;
  Issue(db, "aa");
  CHECK_THROWS_AS(Issue(db, "aa", std::nullopt, ProjectId{"shop"}), SqlFailure);
}

TEST_CASE("retiring shortens a token's life and never lengthens it", "[sync][pg]") {
  const PgDatabase db;
  const std::string id = Issue(db, "aa");
  CHECK(Retire(db, id, 1h));
  CHECK(ValidHashes(db).size() == 1);
  const std::optional<Instant> expires_at = ListTokens(db)[0].expires_at;
  REQUIRE(expires_at.has_value());
  CHECK(Retire(db, id, 2h));
  CHECK(ListTokens(db)[0].expires_at == expires_at);
  CHECK(Retire(db, id, 0s));
  CHECK(ValidHashes(db).empty());
  CHECK_FALSE(Retire(db, "0b7f4a52-9a46-4f0e-9d3e-6a1f0f5d8c11", 0s));
  CHECK_FALSE(Retire(db, "no id at all", 0s));
}

TEST_CASE("a rotation keeps the new token, and the old ones for the overlap", "[sync][pg]") {
  const PgDatabase db;
  Issue(db, "old");
  Issue(db, "older", *ParseRfc3339("2020-01-01T00:00:00Z"));
  Issue(db, "of another project", std::nullopt, ProjectId{"shop"});
  const std::string fresh = Issue(db, "fresh");
  CHECK(RetireOthers(db, fresh, 1h) == 1);
  CHECK(ValidHashes(db) == std::vector<std::string>{"crm:fresh", "crm:old", "shop:of another project"});
  CHECK(RetireOthers(db, fresh, 0s) == 1);
  CHECK(ValidHashes(db) == std::vector<std::string>{"crm:fresh", "shop:of another project"});
  for (const Token& token : ListTokens(db)) {
    if (token.hash == "fresh") CHECK_FALSE(token.expires_at.has_value());
    if (token.hash == "older") CHECK(token.expires_at == ParseRfc3339("2020-01-01T00:00:00Z"));
  }
}

TEST_CASE("uses are noted many at once, and an older one never replaces a newer one", "[sync][pg]") {
  const PgDatabase db;
  const std::string one = Issue(db, "aa");
  const std::string other = Issue(db, "bb");
  const Instant nine = *ParseRfc3339("2026-03-01T09:00:00Z");
  const auto touch = [&](const std::vector<sync::TokenUse>& uses) {
    InTransaction(db, [&](Transaction& transaction) { Tokens{transaction}.Touch(uses); });
  };
  touch({{one, nine}, {one, nine + 2h}, {other, nine}, {"no id", nine}, {one, nine + 1h}});
  touch({{one, nine + 1h}});
  touch({});
  for (const Token& token : ListTokens(db)) CHECK(token.last_used == (token.id == one ? nine + 2h : nine));
}

TEST_CASE("tokens that expired long ago are forgotten", "[sync][pg]") {
  const PgDatabase db;
  Issue(db, "long ago", *ParseRfc3339("2020-01-01T00:00:00Z"));
  Issue(db, "for ever");
  const std::string now = Issue(db, "now");
  Retire(db, now, 0s);
  CHECK(InTransaction(db, [](Transaction& transaction) { return Tokens{transaction}.Forget(24h); }) == 1);
  CHECK(ListTokens(db).size() == 2);
}

}  // namespace membridge
