#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sync/postgres/binary.hpp"
#include "sync/postgres/session.hpp"

struct pg_conn;

namespace membridge::sync::postgres {

/// Gives access to what libpqxx hides: the connection before libpqxx owns it, and every field of the server's last refusal.
/// libpqxx 6.4 keeps only the SQLSTATE and a text, so this class reads each failed result in a libpq event, before libpqxx clears
/// it.
class Wire {
 public:
  /// Connects and sets the session up. Throws SqlFailure; its what() may be logged, it never quotes the DSN.
  Wire(const std::string& dsn, const std::string& application_name, SearchPath path);

  /// The statements to send right behind BEGIN; empty where the settings were made once for the session.
  std::string Opening() const;
  /// Whether each transaction makes its own settings, as it must behind a pooler.
  bool IsPooled() const noexcept { return pooled_; }
  SearchPath Path() const noexcept { return path_; }
  bool KeepsStatements() const noexcept { return keeps_statements_; }
  /// For transactions that begin from now on; only where IsPooled().
  void Set(const std::string& name, const std::string& value) { set_[name] = value; }

  /// For libpqxx to own and close.
  pg_conn* Raw() const noexcept { return connection_; }

  int BackendPid() const noexcept;
  bool Usable() const noexcept;
  /// Whether the server says that a transaction is open, failed or not.
  bool InTransaction() const noexcept;
  bool InFailedTransaction() const noexcept;
  /// Called before each statement, so that failures never mix.
  void ForgetFailure();
  /// Returns the last statement's failure. `otherwise` is the message when the server sent none, for example when the connection
  /// broke.
  SqlFailure LastFailure(std::string_view otherwise) const;
  /// Runs a statement with binary parameters and returns the first value of its first row. `alone`: the statement is a
  /// transaction of its own, so it may be sent again when a pooler turns out not to keep prepared statements. Throws SqlFailure.
  std::optional<std::string> RunBinary(const BinaryStatement& statement, const std::vector<BinaryParam>& params, bool alone);
  /// Waits for one NOTIFY. Throws SqlFailure when the connection breaks.
  bool WaitForNotice(std::chrono::milliseconds patience);

 private:
  pg_conn* connection_ = nullptr;
  bool pooled_ = false;  // a pooler may give every transaction another server
  const SearchPath path_;
  bool writes_ = true;                                                                    // the server was no standby
  std::map<std::string, std::string> set_;                                                // for each transaction
  std::chrono::steady_clock::time_point began_;                                           // of the last statement
  std::set<std::string> prepared_;                                                        // names of statements
  bool keeps_statements_ = true;                                                          // false: behind a pooler that does not
  std::unique_ptr<SqlFailure::Fields> failure_ = std::make_unique<SqlFailure::Fields>();  // libpq holds its address
};

}  // namespace membridge::sync::postgres
