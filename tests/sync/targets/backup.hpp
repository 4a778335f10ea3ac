#pragma once

#include <string>

#include "tests/support/postgres.hpp"

namespace membridge::test {

/// What a database holds at one moment, kept beside it, and brought back as a restore of a backup does: rows of `membridge` and
/// `public`, and how far sequences had come. The database stays the same one.
class Backup {
 public:
  /// `name`: of the backup, a word.
  Backup(const PgDatabase& database, std::string name);
  void Restore() const;

 private:
  const PgDatabase& database_;
  const std::string name_;
};

}  // namespace membridge::test
