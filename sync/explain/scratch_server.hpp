#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"

namespace membridge::sync {

/// SQL that makes tables, as a private database takes it.
struct SchemaFile {
  std::string called;
  std::string sql;
};
/// Reads such files. kRefused names the file, and the line where it is not SQL alone (commands of psql) or has rows.
Result<std::vector<SchemaFile>> ReadSchemaFiles(const std::vector<std::filesystem::path>& files);

/// A private PostgreSQL that holds the tables of targets and none of their rows, for cases that nothing else may disturb. It
/// works in a temporary folder, is reached through its socket only, and goes with this object, data and all; what a killed
/// process left is taken away by the next Start().
class ScratchServer {
 public:
  /// Blocks while the data are made and the server starts, some two seconds. kRefused: no PostgreSQL is installed here.
  static Result<ScratchServer> Start();
  ScratchServer(ScratchServer&&) noexcept;
  ScratchServer& operator=(ScratchServer&&) noexcept;
  ~ScratchServer();

  /// A database made by these, in order. Answers how to reach it, as its superuser. kRefused names the file at fault.
  Result<std::string> MakeOf(const std::vector<SchemaFile>& files);
  /// A database with the schema of the one behind `dsn` as pg_dump tells it, with the server's roles (no passwords), and with
  /// what the role that works there has set. Answers how to reach it, as that role. Reads the other database only. kRefused:
  /// there is no pg_dump, or the schema cannot be made here (an extension that is not installed).
  Result<std::string> MakeLike(const std::string& dsn);

 private:
  class Folder;
  struct Parts;
  explicit ScratchServer(std::unique_ptr<Parts> parts);

  /// An empty database of its own.
  std::string MakeDatabase(const std::string& owner);
  std::string DsnOf(const std::string& database, const std::string& role) const;
  Result<void> RunFile(const std::string& database, const SchemaFile& file) const;
  Result<std::filesystem::path> Dump(const std::string& dsn) const;

  std::unique_ptr<Parts> parts_;
};

}  // namespace membridge::sync
