#pragma once

// The settings that statements of one mapping run under: private to sync/apply.

#include <string>
#include <utility>
#include <vector>

#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// The role's own search path and a mapping's session settings, entered for a part of a transaction. Row security, triggers,
/// defaults and policies of the application may need them.
class MappingSettings {
 public:
  /// Names and values.
  using Values = std::vector<std::pair<std::string, std::string>>;

  /// Enters them. The transaction outlives this object. Throws postgres::SqlFailure.
  MappingSettings(postgres::Transaction& transaction, const Values& values);
  /// Puts back what was set before. A caller that is stopped by an exception rolls back to a savepoint, which puts it back too.
  void Leave();

 private:
  postgres::Transaction& transaction_;
  Values before_;
};

}  // namespace membridge::sync
