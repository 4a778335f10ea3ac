#include "sync/explain/scratch_server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "sync/embedded/child_process.hpp"
#include "sync/embedded/embedded_postgres.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using postgres::QuoteLiteral;
using postgres::QuoteName;

constexpr const char* kMaker = "membridge scratch";  // the superuser; the embedded server's own name may be a role of the target
constexpr const char* kGiveFile = "give the schema yourself: membridge test --scratch --schema FILE.sql";

/// Quotes a value of a DSN, to follow `keyword=`.
std::string Quoted(std::string_view value) {
  std::string text = "'";
  for (const char c : value) text += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string{c};
  return text + "'";
}

Result<std::string> TextOf(const fs::path& file) {
  std::ifstream stream{file, std::ios::binary};
  if (!stream.is_open() || fs::is_directory(file))
    return Fail(ErrorCode::kRefused, fmt::format("{} cannot be read", file.string()), "check its path and permissions");
  return std::string{std::istreambuf_iterator<char>{stream}, {}};
}

/// Removes the commands that pg_dump writes for psql. Everything else must be SQL.
Result<std::string> SqlIn(const std::string& text, const std::string& called) {
  std::string sql;
  std::size_t number = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = std::string_view{text}.substr(start, end - start);
    start = end + 1;
    ++number;
    if (line.starts_with("\\restrict") || line.starts_with("\\unrestrict")) continue;
    if (line.starts_with("COPY ") && line.ends_with("FROM stdin;"))
      return Fail(ErrorCode::kRefused, fmt::format("{}:{}: rows follow here, and a scratch database has none", called, number),
                  "leave them out: pg_dump --schema-only");
    if (line.starts_with("\\") && line.size() > 1 && std::isalpha(static_cast<unsigned char>(line[1])) != 0)
      return Fail(ErrorCode::kRefused, fmt::format("{}:{}: a command of psql, not SQL", called, number),
                  "give plain SQL, as pg_dump --schema-only writes it");
    sql.append(line).push_back('\n');
  }
  return sql;
}

Result<fs::path> FindDump() {
  if (const auto programs = FindServerPrograms(); programs && access((*programs / "pg_dump").c_str(), X_OK) == 0)
    return *programs / "pg_dump";
  for (const char* const folder : {"/usr/local/bin", "/usr/bin"}) {
    const fs::path program = fs::path{folder} / "pg_dump";
    if (access(program.c_str(), X_OK) == 0) return program;
  }
  return Fail(ErrorCode::kRefused, "there is no pg_dump here to read the target's schema with",
              std::string{"install the package postgresql-client, or "} + kGiveFile);
}

/// A DSN that may stand in a command, and its password, which must not.
struct Address {
  std::string dsn;
  std::vector<std::string> environment;
};

Result<Address> AddressOf(const std::string& dsn) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options{PQconninfoParse(dsn.c_str(), nullptr),
                                                                             &PQconninfoFree};
  Address address;
  // The child needs the variables that libpq reads from our environment.
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text{*variable};
    if (text.starts_with("PG") || text.starts_with("HOME=")) address.environment.emplace_back(text);
  }
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword{option->keyword};
    if (keyword == "password") {
      address.environment.push_back(std::string{"PGPASSWORD="} + option->val);
    } else if (keyword == "sslpassword") {
      return Fail(ErrorCode::kRefused, "pg_dump cannot be given the password of a key (sslpassword) without showing it to others",
                  kGiveFile);
    } else {
      address.dsn += fmt::format("{}{}={}", address.dsn.empty() ? "" : " ", keyword, Quoted(option->val));
    }
  }
  return address;
}

constexpr std::string_view kFolderPrefix = "membridge-scratch-";

/// Removes what killed processes left: folders that no process holds.
void RemoveLeftovers() {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::temp_directory_path(), ignored)) {
    if (!entry.path().filename().string().starts_with(kFolderPrefix)) continue;
    const int lock = open((entry.path() / "server" / "postgresql" / "lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (lock < 0) continue;
    if (flock(lock, LOCK_EX | LOCK_NB) == 0) fs::remove_all(entry.path(), ignored);
    close(lock);
  }
}

/// The attributes of a target's role that decide what its statements may do and see.
void CopyRoles(postgres::Session& from, postgres::Session& to) {
  const auto roles = from.Run(
      "SELECT rolname, rolsuper, rolinherit, rolbypassrls FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY rolname");
  for (std::size_t row = 0; row < roles.size(); ++row) {
    if (!to.Run("SELECT FROM pg_catalog.pg_roles WHERE rolname = $1", {std::string{roles.Text(row, 0)}}).empty()) continue;
    to.Run(fmt::format("CREATE ROLE {} LOGIN {} {} {}", QuoteName(roles.Text(row, 0)),
                       roles.Bool(row, 1) ? "SUPERUSER" : "NOSUPERUSER", roles.Bool(row, 2) ? "INHERIT" : "NOINHERIT",
                       roles.Bool(row, 3) ? "BYPASSRLS" : "NOBYPASSRLS"));
  }
  const auto members = from.Run(
      "SELECT DISTINCT r.rolname, m.rolname FROM pg_catalog.pg_auth_members a JOIN pg_catalog.pg_roles r ON r.oid = a.roleid "
      "JOIN "
      "pg_catalog.pg_roles m ON m.oid = a.member WHERE r.rolname !~ '^pg_' AND m.rolname !~ '^pg_'");
  for (std::size_t row = 0; row < members.size(); ++row)
    to.Run(fmt::format("GRANT {} TO {}", QuoteName(members.Text(row, 0)), QuoteName(members.Text(row, 1))));
}

/// The defaults that the target's database and role have for a session there: a search path, settings that policies read.
void CopySettings(postgres::Session& from, postgres::Session& to, const std::string& role, const std::string& database) {
  const auto settings = from.Run(
      "SELECT pg_catalog.unnest(s.setconfig) FROM pg_catalog.pg_db_role_setting s WHERE s.setdatabase IN (0, (SELECT oid FROM "
      "pg_catalog.pg_database WHERE datname = pg_catalog.current_database())) AND s.setrole IN (0, (SELECT oid FROM "
      "pg_catalog.pg_roles WHERE rolname = session_user)) ORDER BY s.setrole, s.setdatabase");
  for (std::size_t row = 0; row < settings.size(); ++row) {
    const std::string_view text = settings.Text(row, 0);
    const std::size_t equals = text.find('=');
    const std::string name{text.substr(0, equals)};
    // Each setting gets its own transaction, so that it does not affect the next.
    postgres::Transaction transaction = to.Begin();
    transaction.Run("SELECT pg_catalog.set_config($1, $2, true)", {name, std::string{text.substr(equals + 1)}});
    transaction.Run(
        fmt::format("ALTER ROLE {} IN DATABASE {} SET {} FROM CURRENT", QuoteName(role), QuoteName(database), QuoteName(name)));
    transaction.Commit();
  }
}

}  // namespace

Result<std::vector<SchemaFile>> ReadSchemaFiles(const std::vector<fs::path>& files) {
  std::vector<SchemaFile> read;
  for (const fs::path& file : files) {
    const auto text = TextOf(file);
    if (!text) return tl::unexpected<Error>(text.error());
    auto sql = SqlIn(*text, file.string());
    if (!sql) return tl::unexpected<Error>(sql.error());
    read.push_back({file.string(), std::move(*sql)});
  }
  return read;
}

/// A temporary folder, gone with the object.
class ScratchServer::Folder {
 public:
  explicit Folder(fs::path path) : path_(std::move(path)) {}
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& Path() const { return path_; }

 private:
  fs::path path_;
};

struct ScratchServer::Parts {
  Folder folder;  // outlives the server
  std::unique_ptr<EmbeddedPostgres> server;
  int databases = 0;
};

ScratchServer::ScratchServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ScratchServer::ScratchServer(ScratchServer&&) noexcept = default;
ScratchServer& ScratchServer::operator=(ScratchServer&&) noexcept = default;
ScratchServer::~ScratchServer() = default;

Result<ScratchServer> ScratchServer::Start() {
  RemoveLeftovers();
  std::string name = fs::temp_directory_path() / (std::string{kFolderPrefix} + "XXXXXX");
  if (mkdtemp(name.data()) == nullptr)
    return Fail(ErrorCode::kRefused, fmt::format("cannot make a folder in {}: {}", fs::temp_directory_path().string(),
                                                 std::generic_category().message(errno)));
  std::unique_ptr<Parts> parts{new Parts{Folder{name}, nullptr}};
  // PostgreSQL refuses root and runs as another user then, who must pass through.
  if (geteuid() == 0) chmod(name.c_str(), 0711);
  EmbeddedOptions options;
  options.state_dir = fs::path{name} / "server";
  auto server = EmbeddedPostgres::Start(std::move(options));
  if (!server) return Within(server.error(), "a private server for the cases");
  parts->server = std::move(*server);
  ScratchServer scratch{std::move(parts)};
  try {
    const std::string maker = QuoteName(kMaker);
    postgres::Session{scratch.parts_->server->Dsn()}.Run("CREATE ROLE " + maker + " SUPERUSER LOGIN");
    postgres::Session{scratch.DsnOf("membridge", kMaker)}.Run("ALTER ROLE membridge RENAME TO \"membridge scratch bootstrap\"");
  } catch (const postgres::SqlFailure& failure) {
    return tl::unexpected<Error>(failure.AsError("a private server for the cases"));
  }
  return scratch;
}

std::string ScratchServer::DsnOf(const std::string& database, const std::string& role) const {
  return fmt::format("{} dbname={} user={}", parts_->server->Dsn(), Quoted(database), Quoted(role));
}

std::string ScratchServer::MakeDatabase(const std::string& owner) {
  std::string name = fmt::format("target_{}", ++parts_->databases);
  postgres::Session{DsnOf("membridge", kMaker)}.Run(
      fmt::format("CREATE DATABASE {} OWNER {} TEMPLATE template0", QuoteName(name), QuoteName(owner)));
  return name;
}

Result<void> ScratchServer::RunFile(const std::string& database, const SchemaFile& file) const {
  try {
    postgres::Session session{DsnOf(database, kMaker), "membridge test", postgres::SearchPath::kRoles};
    session.Set("statement_timeout", "0");
    postgres::Transaction transaction = session.Begin();
    transaction.RunScript(file.sql);
    transaction.Commit();
  } catch (const postgres::SqlFailure& failure) {
    if (failure.IsTransient()) return tl::unexpected<Error>(failure.AsError(file.called));
    // A schema holds no row values, so PostgreSQL's message may be shown.
    return Fail(ErrorCode::kRefused, fmt::format("{}: PostgreSQL: {}", file.called, failure.fields().message),
                failure.fields().hint.empty() ? "the file must make its tables in an empty database" : failure.fields().hint);
  }
  return {};
}

Result<std::string> ScratchServer::MakeOf(const std::vector<SchemaFile>& files) {
  try {
    const std::string database = MakeDatabase(kMaker);
    for (const SchemaFile& file : files) {
      if (auto made = RunFile(database, file); !made) return tl::unexpected<Error>(made.error());
    }
    return DsnOf(database, kMaker);
  } catch (const postgres::SqlFailure& failure) {
    return tl::unexpected<Error>(failure.AsError("a private database for the cases"));
  }
}

Result<fs::path> ScratchServer::Dump(const std::string& dsn) const {
  const auto program = FindDump();
  if (!program) return tl::unexpected<Error>(program.error());
  const auto address = AddressOf(dsn);
  if (!address) return tl::unexpected<Error>(address.error());
  const fs::path file = parts_->folder.Path() / fmt::format("schema_{}.sql", parts_->databases);
  const fs::path complaints = parts_->folder.Path() / fmt::format("complaints_{}", parts_->databases);
  auto child =
      Child::Start({.command = {*program, "--schema-only", "--exclude-schema=membridge", "--no-tablespaces", "--no-publications",
                                "--no-subscriptions", "--no-security-labels", "--lock-wait-timeout=5000", "--no-password",
                                "--file=" + file.string(), "--dbname=" + address->dsn},
                    .output = complaints,
                    .death_signal = SIGKILL,
                    .environment = address->environment});
  if (!child) return tl::unexpected<Error>(child.error());
  const auto status = child->Wait(120s);
  if (status == 0) return file;
  const auto said = TextOf(complaints);
  const std::string last = said ? said->substr(0, said->find('\n')) : std::string{};
  return Fail(ErrorCode::kRefused, "the target's schema cannot be read: " + (status ? last : "pg_dump took longer than 120 s"),
              kGiveFile);
}

Result<std::string> ScratchServer::MakeLike(const std::string& dsn) {
  try {
    postgres::Session target{dsn, "membridge test"};
    postgres::Session maker{DsnOf("membridge", kMaker)};
    CopyRoles(target, maker);
    const std::string role{target.Run("SELECT session_user").Text(0, 0)};
    const std::string database = MakeDatabase(role);
    const auto dump = Dump(dsn);
    if (!dump) return tl::unexpected<Error>(dump.error());
    auto schema = ReadSchemaFiles({*dump});
    if (!schema) return tl::unexpected<Error>(schema.error());
    schema->front().called = "the target's schema, made anew";
    if (auto made = RunFile(database, schema->front()); !made) {
      Error error = made.error();
      error.hint = kGiveFile;
      return tl::unexpected<Error>(std::move(error));
    }
    CopySettings(target, maker, role, database);
    return DsnOf(database, role);
  } catch (const postgres::SqlFailure& failure) {
    return tl::unexpected<Error>(failure.AsError("a private database like " + postgres::RedactDsn(dsn)));
  }
}

}  // namespace membridge::sync
