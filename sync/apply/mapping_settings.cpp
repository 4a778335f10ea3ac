#include "sync/apply/mapping_settings.hpp"

namespace membridge::sync {

MappingSettings::MappingSettings(postgres::Transaction& transaction, const Values& values) : transaction_(transaction) {
  transaction_.EnterRolesPath();
  for (const auto& [name, value] : values) {
    const postgres::Rows before =
        transaction_.Run("SELECT pg_catalog.current_setting($1, true), pg_catalog.set_config($1, $2, true)", {name, value});
    before_.emplace_back(name, std::string{before.Text(0, 0)});
  }
}

void MappingSettings::Leave() {
  for (const auto& [name, value] : before_) transaction_.Run("SELECT pg_catalog.set_config($1, $2, true)", {name, value});
  transaction_.LeaveRolesPath();
}

}  // namespace membridge::sync
