#pragma once

#include <pqxx/pqxx>
#include <string>
#include <utility>
#include <vector>

#include "sync/postgres/session.hpp"

// What differs between libpqxx 6.4 and 7, for session.cpp alone: a connection that libpq made and libpqxx owns, and statements
// with parameters as text.

namespace membridge::sync::postgres {

#if PQXX_VERSION_MAJOR < 7
// libpqxx 6 connects through a policy, and asks it again whenever a connection was lost. This policy hands over its one
// connection and refuses every later request. So no statement runs in a new session without the old one's transaction and
// settings.
class HandOver final : public pqxx::connectionpolicy {
 public:
  explicit HandOver(pg_conn* connection) : pqxx::connectionpolicy(""), connection_(connection) {}
  handle do_startconnect(handle current) override {
    if (current != nullptr) return current;
    if (connection_ == nullptr) throw pqxx::broken_connection("the connection broke");
    return std::exchange(connection_, nullptr);
  }

 private:
  pg_conn* connection_;
};

class OwnedConnection final : public pqxx::connection_base {
 public:
  explicit OwnedConnection(pg_conn* connection) : pqxx::connection_base(policy_), policy_(connection) { init(); }
  ~OwnedConnection() noexcept { close(); }

 private:
  HandOver policy_;
};
using PqxxConnection = pqxx::connection_base;

inline std::vector<const char*> TextsOf(const std::vector<Param>& params) {
  std::vector<const char*> texts;
  texts.reserve(params.size());
  for (const Param& param : params) texts.push_back(param ? param->c_str() : nullptr);
  return texts;
}

inline pqxx::result Execute(pqxx::transaction_base& transaction, const std::string& sql, const std::vector<Param>& params) {
  const std::vector<const char*> texts = TextsOf(params);
  return transaction.exec_params(sql, pqxx::prepare::make_dynamic_params(texts));
}

inline pqxx::result ExecutePrepared(pqxx::transaction_base& transaction, const std::string& name,
                                    const std::vector<Param>& params) {
  const std::vector<const char*> texts = TextsOf(params);
  return transaction.exec_prepared(name, pqxx::prepare::make_dynamic_params(texts));
}
#else
class OwnedConnection final {
 public:
  explicit OwnedConnection(pg_conn* connection) : connection_(pqxx::connection::seize_raw_connection(connection)) {}
  operator pqxx::connection&() { return connection_; }

 private:
  pqxx::connection connection_;
};
using PqxxConnection = pqxx::connection;

inline pqxx::params TextsOf(const std::vector<Param>& params) {
  pqxx::params texts;
  texts.reserve(params.size());
  for (const Param& param : params) {
    if (param) {
      texts.append(pqxx::zview{*param});
    } else {
      texts.append();
    }
  }
  return texts;
}

inline pqxx::result Execute(pqxx::transaction_base& transaction, const std::string& sql, const std::vector<Param>& params) {
  const pqxx::params texts = TextsOf(params);
#if PQXX_VERSION_MAJOR > 7 || PQXX_VERSION_MINOR >= 10
  return transaction.exec(sql, texts);
#else
  return transaction.exec_params(sql, texts);
#endif
}

inline pqxx::result ExecutePrepared(pqxx::transaction_base& transaction, const std::string& name,
                                    const std::vector<Param>& params) {
  const pqxx::params texts = TextsOf(params);
#if PQXX_VERSION_MAJOR > 7 || PQXX_VERSION_MINOR >= 10
  return transaction.exec(pqxx::prepped{name}, texts);
#else
  return transaction.exec_prepared(name, texts);
#endif
}
#endif

}  // namespace membridge::sync::postgres
