#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mappings/base/time.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::e2e {

/// The example CRM (deploy/example-schema.sql) as far as memories decide it. What a column would show as NULL is an empty text.
struct Contact {
  std::string name, company, email, phone, language;
  friend bool operator==(const Contact&, const Contact&) = default;
};
struct Note {
  std::string user, body;
  friend bool operator==(const Note&, const Note&) = default;
};
struct Crm {
  std::map<std::string, Contact> contacts;               ///< by user
  std::map<std::string, Note> notes;                     ///< by memory id
  std::set<std::pair<std::string, std::string>> tagged;  ///< user and tag
};

/// What deploy/mappings/contacts.yaml makes of these records, computed without any of the bridge's code: for every cell the
/// newest live memory that speaks of it, notes and tags of every live memory. Only users with a live memory are among the
/// contacts.
Crm ExpectedCrm(const std::vector<nlohmann::json>& records, Day today);

/// What the tables show.
Crm ReadCrm(const test::PgDatabase& database);

/// Where the tables differ from what they should be, a line each; empty is right. A contact nobody expects is right when it is
/// blank: it was made for a memory that has gone since.
std::vector<std::string> Differences(const Crm& expected, const Crm& actual);

/// Texts, metadata and categories of random memories, from a seed.
class Chatter {
 public:
  explicit Chatter(std::uint64_t seed) : random_(seed) {}

  std::string Text();
  nlohmann::json Metadata();
  std::vector<std::string> Categories();
  std::size_t Below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>{0, limit - 1}(random_); }
  bool Chance(double share) { return std::uniform_real_distribution<double>{}(random_) < share; }

 private:
  template <std::size_t N>
  const char* OneOf(const char* const (&words)[N]) {
    return words[Below(N)];
  }
  std::mt19937_64 random_;
};

}  // namespace membridge::e2e
