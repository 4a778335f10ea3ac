#include "sync/apply/needed_rights.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/apply/sheet.hpp"

namespace membridge::test {
namespace {

std::string MissingIn(Sheet& sheet) {
  mappings::Diagnostics problems;
  sync::CheckRights(sheet.Connection(), *sheet.Mapping(), *sheet.Catalog(), problems);
  std::string all;
  for (const auto& problem : problems.Sorted()) all += problem.message + "\n";
  return all;
}

}  // namespace

TEST_CASE("every right that is missing is named with its GRANT", "[names][pg][T11]") {
  Sheet sheet{R"sql(
    CREATE SCHEMA crm;
    CREATE TABLE crm.people (id serial PRIMARY KEY, user_id text UNIQUE, city text, company_id integer, salary numeric);
    CREATE TABLE crm.companies (id integer PRIMARY KEY, domain text UNIQUE, secret text);
    CREATE ROLE lacking;
  )sql",
              R"yaml(
from: memory
session: {role: lacking}
rows:
  person:
    table: crm.people
    key: {user_id: $memory.user_id}
    set: {city: $memory.metadata.city, company_id: $company.id}
    gone: delete
  company: {table: crm.companies, create: false, key: {domain: $memory.metadata.domain}}
)yaml"};
  CHECK(MissingIn(sheet).find(
            "role \"lacking\" has no USAGE right on schema crm: GRANT USAGE ON SCHEMA \"crm\" TO \"lacking\"") == 0);
  sheet.Run("GRANT USAGE ON SCHEMA crm TO lacking");
  for (const char* grant : {"GRANT SELECT (\"domain\", \"id\") ON \"crm\".\"companies\" TO \"lacking\"",
                            "GRANT SELECT (\"city\", \"company_id\", \"id\", \"user_id\") ON \"crm\".\"people\" TO \"lacking\"",
                            "GRANT INSERT (\"city\", \"company_id\", \"user_id\") ON \"crm\".\"people\" TO \"lacking\"",
                            "GRANT UPDATE (\"city\", \"company_id\") ON \"crm\".\"people\" TO \"lacking\"",
                            "GRANT DELETE ON \"crm\".\"people\" TO \"lacking\"",
                            "GRANT USAGE ON SEQUENCE \"crm\".\"people_id_seq\" TO \"lacking\""}) {
    CAPTURE(grant, MissingIn(sheet));
    CHECK(MissingIn(sheet).find(grant) != std::string::npos);
    sheet.Run(grant);
    CHECK(MissingIn(sheet).find(grant) == std::string::npos);
  }
  CHECK(MissingIn(sheet) == "");
  sheet.Run("DROP OWNED BY lacking; DROP ROLE lacking");
}

}  // namespace membridge::test
