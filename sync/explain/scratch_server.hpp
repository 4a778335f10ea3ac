#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"

namespace membridge::sync {

/// SQL that makes the tables of a private database.
struct SchemaFile {
  std::string called;
  std::string sql;
};
/// Reads such files. kRefused: a file cannot be read, holds psql commands or holds rows; the message names file and line.
Result<std::vector<SchemaFile>> ReadSchemaFiles(const std::vector<std::filesystem::path>& files);

/// A private PostgreSQL with the tables of targets and none of their rows, so that nothing else disturbs the cases. It works in a
/// temporary folder and is reached only through its socket. The destructor removes it with its data; the next Start() removes
/// what a killed process left.
class ScratchServer {
 public:
  /// Makes the data and starts the server. Blocks for about two seconds. kRefused: no PostgreSQL is installed here.
  static Result<ScratchServer> Start();
  ScratchServer(ScratchServer&&) noexcept;
  ScratchServer& operator=(ScratchServer&&) noexcept;
  ~ScratchServer();

  /// Makes a database from these files, in order. Returns its DSN, for the superuser. kRefused names the file at fault.
  Result<std::string> MakeOf(const std::vector<SchemaFile>& files);
  /// Makes a database with the schema that pg_dump prints for `dsn`, with that server's roles (without passwords) and the
  /// settings of the DSN's role. Returns its DSN, for that role. Only reads the other database. kRefused: there is no pg_dump, or
  /// the schema cannot be made here, for example because an extension is not installed.
  Result<std::string> MakeLike(const std::string& dsn);

 private:
  class Folder;
  struct Parts;
  explicit ScratchServer(std::unique_ptr<Parts> parts);

  /// Makes an empty database.
  std::string MakeDatabase(const std::string& owner);
  std::string DsnOf(const std::string& database, const std::string& role) const;
  Result<void> RunFile(const std::string& database, const SchemaFile& file) const;
  Result<std::filesystem::path> Dump(const std::string& dsn) const;

  std::unique_ptr<Parts> parts_;
};

}  // namespace membridge::sync
