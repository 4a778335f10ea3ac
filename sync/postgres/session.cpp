#include "sync/postgres/session.hpp"

#include <charconv>
#include <pqxx/pqxx>
#include <utility>

#include "sync/postgres/kept_plans.hpp"
#include "sync/postgres/owned_connection.hpp"
#include "sync/postgres/wire.hpp"

namespace membridge::sync::postgres {
namespace {

void RefuseNul(const std::vector<Param>& params) {
  for (const Param& param : params) {
    // A text parameter ends at its first NUL, and the rest would be lost silently.
    if (!param || param->find('\0') == std::string::npos) continue;
    throw SqlFailure({.sqlstate = "22021", .message = "a text cannot hold the character NUL"});
  }
}

}  // namespace

struct Session::Connection {
  Connection(const std::string& dsn, const std::string& application_name, SearchPath path)
      : wire(dsn, application_name, path), owned(wire.Raw()) {}

  // Runs `work`, turning whatever libpqxx throws into a SqlFailure with every field the server gave.
  template <class Work>
  auto Guarded(Work work) -> decltype(work()) {
    if (!Usable()) throw SqlFailure({.sqlstate = "08003", .message = "the connection broke earlier"});
    wire.ForgetFailure();
    try {
      return work();
    } catch (const pqxx::broken_connection&) {
      broken = true;
      throw wire.LastFailure("the connection broke");
    } catch (const pqxx::in_doubt_error&) {
      broken = true;
      throw wire.LastFailure("the connection broke during COMMIT; whether it happened is unknown");
    } catch (const pqxx::failure& failure) {
      if (plans) plans->Forget();
      throw wire.LastFailure(failure.what());
    } catch (const pqxx::usage_error& error) {
      throw wire.LastFailure(error.what());
    }
  }
  bool Usable() const noexcept { return !broken && wire.Usable(); }

  // Call before a statement that must not find a transaction. Statements would fail as long as a failed one stays open, and those
  // of another transaction would be committed with it.
  void RefuseOpenTransaction() {
    if (!Usable() || !wire.InTransaction()) return;
    broken = true;
    throw SqlFailure({.sqlstate = "08007", .message = "an earlier transaction was left open; the connection is given up"});
  }

  pqxx::result RunPlanned(pqxx::transaction_base& transaction, const std::string& sql, const std::vector<Param>& params) {
    if (!plans) return Execute(transaction, sql, params);
    const KeptPlans::Way way = plans->WayFor(sql, std::chrono::steady_clock::now());
    if (way.name.empty()) return Execute(transaction, sql, params);
    if (way.prepare) Prepare(way.name, sql);
    return ExecutePrepared(transaction, way.name, params);
  }

  void Prepare(const std::string& name, const std::string& sql) {
    PqxxConnection& connection = owned;
    try {
      connection.prepare(name, sql);
    } catch (const pqxx::failure&) {
      plans->Lacks(sql);
      throw;
    }
  }

  /// Call it only while no transaction is open.
  void DropUnusedPlans() {
    if (!plans) return;
    PqxxConnection& connection = owned;
    for (const std::string& name : plans->TakeUnused()) connection.unprepare(name);
  }

  Wire wire;
  OwnedConnection owned;
  std::optional<KeptPlans> plans;
  bool broken = false;
};

struct Rows::Data {
  pqxx::result result;
};

Rows::Rows(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

namespace {

pqxx::field FieldAt(const pqxx::result& result, std::size_t row, std::size_t column) {
  return result[static_cast<pqxx::result::size_type>(row)][static_cast<pqxx::row::size_type>(column)];
}

}  // namespace

std::size_t Rows::size() const noexcept {
  return static_cast<std::size_t>(data_->result.size());
}

bool Rows::IsNull(std::size_t row, std::size_t column) const {
  return FieldAt(data_->result, row, column).is_null();
}

std::string_view Rows::Text(std::size_t row, std::size_t column) const {
  const pqxx::field field = FieldAt(data_->result, row, column);
  return {field.c_str(), static_cast<std::size_t>(field.size())};
}

std::optional<std::string> Rows::Optional(std::size_t row, std::size_t column) const {
  if (IsNull(row, column)) return std::nullopt;
  return std::string{Text(row, column)};
}

std::int64_t Rows::Int(std::size_t row, std::size_t column) const {
  const std::string_view text = Text(row, column);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) throw std::logic_error("a column read as a number holds none");
  return number;
}

bool Rows::Bool(std::size_t row, std::size_t column) const {
  return Text(row, column) == "t";
}

std::size_t Rows::Affected() const noexcept {
  return static_cast<std::size_t>(data_->result.affected_rows());
}

struct Transaction::State {
  explicit State(Session::Connection& connection_in) : connection(connection_in), work(connection_in.owned) {
    if (connection.wire.IsPooled()) work.exec(connection.wire.Opening());
  }

  Session::Connection& connection;
  pqxx::work work;
};

Transaction::Transaction(Session& session) {
  Session::Connection& connection = *session.connection_;
  connection.RefuseOpenTransaction();
  state_ = connection.Guarded([&] {
    connection.DropUnusedPlans();
    return std::make_unique<State>(connection);
  });
}

Transaction::~Transaction() = default;
Transaction::Transaction(Transaction&&) noexcept = default;

Rows Transaction::Run(const std::string& sql, const std::vector<Param>& params) {
  RefuseNul(params);
  return state_->connection.Guarded(
      [&] { return Rows(std::make_shared<Rows::Data>(Rows::Data{state_->connection.RunPlanned(state_->work, sql, params)})); });
}

std::optional<std::string> Transaction::RunBinary(const BinaryStatement& statement, const std::vector<BinaryParam>& params) {
  return state_->connection.Guarded([&] { return state_->connection.wire.RunBinary(statement, params, false); });
}

void Transaction::RunScript(const std::string& sql) {
  state_->connection.Guarded([&] { state_->work.exec(sql); });
}

void Transaction::EnterRolesPath() {
  if (state_->connection.wire.Path() != SearchPath::kBridges) return;
  std::string script = "SET LOCAL search_path TO DEFAULT";
  if (state_->connection.plans) script += "; SET LOCAL plan_cache_mode TO DEFAULT; SET LOCAL enable_seqscan TO DEFAULT";
  RunScript(script);
}

void Transaction::LeaveRolesPath() {
  if (state_->connection.wire.Path() != SearchPath::kBridges) return;
  std::string script = "SET LOCAL search_path TO pg_catalog, pg_temp";
  if (state_->connection.plans) script += "; SET LOCAL plan_cache_mode TO force_generic_plan; SET LOCAL enable_seqscan TO off";
  RunScript(script);
}

void Transaction::Savepoint(std::string_view name) {
  RunScript("SAVEPOINT " + std::string{name});
}
void Transaction::RollbackTo(std::string_view name) {
  RunScript("ROLLBACK TO SAVEPOINT " + std::string{name});
}
void Transaction::Release(std::string_view name) {
  RunScript("RELEASE SAVEPOINT " + std::string{name});
}

void Transaction::Commit() {
  // The server answers COMMIT of a failed transaction with ROLLBACK and no error. That must not count as success.
  if (state_->connection.Usable() && state_->connection.wire.InFailedTransaction()) {
    throw SqlFailure({.sqlstate = "25P02", .message = "a statement of this transaction failed; nothing was committed"});
  }
  state_->connection.Guarded([&] { state_->work.commit(); });
}

Session::Session(const std::string& dsn, const std::string& application_name, SearchPath path)
    : connection_(std::make_unique<Connection>(dsn, application_name, path)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

bool Session::Usable() const noexcept {
  return connection_->Usable();
}

Transaction Session::Begin() {
  return Transaction(*this);
}

Rows Session::Run(const std::string& sql, const std::vector<Param>& params) {
  if (connection_->wire.IsPooled()) {
    Transaction transaction = Begin();
    Rows rows = transaction.Run(sql, params);
    transaction.Commit();
    return rows;
  }
  RefuseNul(params);
  connection_->RefuseOpenTransaction();
  return connection_->Guarded([&] {
    pqxx::nontransaction statement(connection_->owned);
    return Rows(std::make_shared<Rows::Data>(Rows::Data{Execute(statement, sql, params)}));
  });
}

Rows Session::RunAlone(const std::string& sql) {
  return connection_->Guarded([&] {
    pqxx::nontransaction statement(connection_->owned);
    return Rows(std::make_shared<Rows::Data>(Rows::Data{Execute(statement, sql, {})}));
  });
}

void Session::KeepPlans() {
  if (connection_->wire.IsPooled()) return;
  // PostgreSQL would plan a statement anew for each small batch, because it takes a batch of unknown size for one of ten. An
  // application's triggers run under the role's own path and keep their own way. A plan for a queue that was just vacuumed empty
  // would read all of it, once for each memory, when it has filled meanwhile.
  if (connection_->wire.Path() == SearchPath::kBridges) {
    Set("plan_cache_mode", "force_generic_plan");
    Set("enable_seqscan", "off");
    Set("jit", "off");  // a table without an index is as dear as can be then, and would be compiled for
  }
  connection_->plans.emplace();
}

void Session::Set(const std::string& name, const std::string& value) {
  if (connection_->wire.IsPooled())
    connection_->wire.Set(name, value);
  else
    Run("SELECT pg_catalog.set_config($1, $2, false)", {name, value});
}

int Session::BackendPid() const noexcept {
  return connection_->wire.BackendPid();
}

std::optional<std::string> Session::RunBinary(const BinaryStatement& statement, const std::vector<BinaryParam>& params) {
  if (connection_->wire.IsPooled()) {
    Transaction transaction = Begin();
    std::optional<std::string> value = transaction.RunBinary(statement, params);
    transaction.Commit();
    return value;
  }
  return connection_->Guarded([&] { return connection_->wire.RunBinary(statement, params, true); });
}

bool Session::KeepsStatements() const noexcept {
  return connection_->wire.KeepsStatements();
}

void Session::Listen(std::string_view channel) {
  RunAlone("LISTEN " + QuoteName(channel));
}

bool Session::WaitForNotice(std::chrono::milliseconds patience) {
  if (!Usable()) throw SqlFailure({.sqlstate = "08003", .message = "the connection broke earlier"});
  return connection_->wire.WaitForNotice(patience);
}

}  // namespace membridge::sync::postgres
