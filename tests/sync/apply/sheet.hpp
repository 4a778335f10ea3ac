#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sync/apply/applier.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::test {

/// Target tables and their mappings on a real PostgreSQL, with memories applied by hand.
class Sheet {
 public:
  /// `feed`: changed rows are told in membridge.changes.
  Sheet(const std::string& schema_sql, const std::string& mapping_yaml, bool feed = false);

  /// Another version of a mapping file takes over, or a further file is added.
  void Remap(const std::string& mapping_yaml, const std::string& name = "sheet");
  /// Forgets every mapping file.
  void Unmap() { mappings_.clear(); }

  /// Applies records as Mem0 gives them (`updated_at` may be left out), each with a later fence. All in one transaction; those
  /// that a row was made for which they had looked for in vain are applied again in transactions behind it, as the workers do.
  std::vector<sync::Outcome> Say(const std::vector<nlohmann::json>& records, bool explain = false);
  sync::Outcome Say(const nlohmann::json& record) { return Say(std::vector<nlohmann::json>{record}).front(); }
  /// Deletes memories.
  sync::Outcome Forget(const std::string& id);
  /// Applies ready-made sources under every mapping; answers what became of them under the first, or of each where it failed.
  std::vector<sync::Outcome> Apply(const std::vector<sync::Source>& sources, bool explain = false);
  sync::Source SourceOf(const nlohmann::json& record);

  /// How often a memory was applied again because it was woken.
  std::size_t LookedAgain() const { return looked_again_; }

  /// The rows of a query as a JSON array of objects.
  nlohmann::json Rows(const std::string& query) const;
  void Run(const std::string& sql) const { database_.RunScript(sql); }
  const PgDatabase& Database() const { return database_; }
  sync::postgres::Session& Connection() { return session_; }
  const std::shared_ptr<const mappings::Mapping>& Mapping() const { return mappings_.begin()->second.mapping; }
  const std::shared_ptr<const mappings::Catalog>& Catalog() const { return catalog_; }

 private:
  std::vector<sync::Outcome> ApplyOnce(const std::vector<sync::Source>& sources, bool explain);
  void ApplyWoken();

  PgDatabase database_;
  sync::postgres::Session session_;
  std::shared_ptr<const mappings::Catalog> catalog_;
  struct Mapped {
    std::shared_ptr<const mappings::Mapping> mapping;
    std::unique_ptr<sync::Applier> applier;
  };
  std::map<std::string, Mapped> mappings_;
  const bool feed_;
  std::int64_t fence_ = 0;
  std::map<std::string, sync::Source> mirror_;  // by id
  std::size_t looked_again_ = 0;
};

}  // namespace membridge::test
