#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ostream.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "admin/commands/command.hpp"
#include "admin/commands/init_mapping.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/runtime/surroundings.hpp"
#include "receiver/verify/token.hpp"
#include "sync/catalog/catalog_reader.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

namespace fs = std::filesystem;
using sync::postgres::Session;

struct InitOptions {
  std::string database;
  std::vector<std::string> tables;
  std::string dir = ".";
  std::string project = "crm";
  bool force = false;
  bool json = false;
};

struct NewFile {
  fs::path path;
  std::string text;
  bool secret = false;
};

std::string ShellQuoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return quoted + "'";
}

std::string ConfigText(const InitOptions& options, const std::vector<std::string>& mappings, bool own_mem0) {
  std::string text =
      "# Made by `membridge init`. Source membridge.env first; every key is described in the reference of the configuration.\n";
  text += "listen: 127.0.0.1:8080                 # where Mem0's deliveries arrive; a proxy with TLS stands in front\n";
  text += "admin:\n  listen: 127.0.0.1:8081               # the page, the API, /healthz, /readyz and /metrics\n";
  text += "  tokens:\n    - {name: admin, role: admin, token: \"${MEMBRIDGE_ADMIN_TOKEN}\"}\n";
  text += "database: ${MEMBRIDGE_DATABASE}        # the bridge keeps its state there in a schema of its own, membridge\n";
  text += fmt::format("projects:\n  {}:\n    api_key: ${{MEM0_API_KEY}}\n", options.project);
  if (own_mem0) text += "    base_url: ${MEM0_BASE_URL}\n";
  text += "    # webhook:                         # without it only sweeps find what changed\n";
  text += "    #   public_url: https://bridge.example.com\n    #   manage: true\n";
  text += "mappings:\n";
  for (const auto& mapping : mappings) text += "  - " + mapping + "\n";
  text += "backfill:                              # what deliveries did not bring is found and repaired\n";
  text += fmt::format("  - {{name: sweep, project: {}, sweep: incremental, schedule: \"*/15 * * * *\"}}\n", options.project);
  text += fmt::format("  - {{name: full-sweep, project: {}, sweep: full, schedule: \"30 4 * * 0\"}}\n", options.project);
  return text;
}

std::string EnvironmentText(const InitOptions& options, const fs::path& folder, const Environment& environment) {
  const std::string key = environment("MEM0_API_KEY").value_or("");
  std::string text = "# Made by `membridge init`; it holds secrets. In a terminal: source membridge.env\n";
  text += "export MEMBRIDGE_CONFIG=" + ShellQuoted((folder / "membridge.yaml").string()) + "\n";
  text += "export MEMBRIDGE_DATABASE=" + ShellQuoted(options.database) + "\n";
  text += "export MEMBRIDGE_ADMIN_TOKEN=" + ShellQuoted(receiver::MakeToken()) + "\n";
  if (key.empty()) text += "# The API key of your Mem0 project, from Mem0's dashboard:\n";
  text += "export MEM0_API_KEY=" + ShellQuoted(key.empty() ? "put-the-key-here" : key) + "\n";
  if (const auto url = environment("MEM0_BASE_URL"); url && !url->empty())
    text += "export MEM0_BASE_URL=" + ShellQuoted(*url) + "\n";
  return text;
}

/// Reads the foreign keys with a value that they may have, and the columns with a CHECK constraint.
TableNotes NotesOf(Session& session, const mappings::Table& table) {
  TableNotes notes;
  const auto rows = session.Run(
      "SELECT a.attname, c.contype::text, f.relname, fn.nspname, fa.attname "
      "FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_class t ON t.oid = c.conrelid "
      "JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace "
      "JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k(number, at) ON true "
      "JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number "
      "LEFT JOIN pg_catalog.pg_class f ON f.oid = c.confrelid LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace "
      "LEFT JOIN pg_catalog.pg_attribute fa ON fa.attrelid = f.oid AND fa.attnum = c.confkey[k.at] "
      "WHERE n.nspname = $1 AND t.relname = $2 AND c.contype IN ('f', 'c')",
      {table.schema, table.name});
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const std::string column{rows.Text(row, 0)};
    if (rows.Text(row, 1) == "c") {
      notes.checked.insert(column);
      continue;
    }
    const auto quoted = [&](std::size_t at) { return sync::postgres::QuoteName(rows.Text(row, at)); };
    std::string& value = notes.referenced[column];
    try {
      const auto found =
          session.Run(fmt::format("SELECT {0}::text FROM {1}.{2} ORDER BY {0} LIMIT 1", quoted(4), quoted(3), quoted(2)));
      if (!found.empty()) value = found.Text(0, 0);
    } catch (const sync::postgres::SqlFailure&) {
      value.clear();  // the table may not be read, so the person decides
    }
  }
  return notes;
}

/// Returns the tables that the user named, or the one that most likely holds people. When there is none, the error lists possible
/// names.
Result<std::vector<const mappings::Table*>> TablesMeant(const InitOptions& options, const mappings::Catalog& catalog) {
  std::vector<const mappings::Table*> meant;
  const std::vector<std::string> names = catalog.Names();
  const auto find = [&](const std::string& name) {
    const std::size_t dot = name.find('.');
    return dot == std::string::npos ? catalog.Find("", name) : catalog.Find(name.substr(0, dot), name.substr(dot + 1));
  };
  for (const auto& name : options.tables) {
    const mappings::Table* table = find(name);
    if (table == nullptr)
      return Fail(ErrorCode::kNotFound,
                  fmt::format("the database has no table \"{}\"{}", name, mappings::DidYouMean(name, names)),
                  names.empty() ? "make your tables first" : "name one of its tables with --table");
    meant.push_back(table);
  }
  if (!meant.empty()) return meant;
  static const std::vector<std::string> kLikely{"contact", "customer", "people", "person",  "client",
                                                "lead",    "user",     "member", "profile", "account"};
  for (const auto& likely : kLikely) {
    for (const auto& name : names) {
      const mappings::Table* table = find(name);
      if (table != nullptr && table->insertable && table->name.find(likely) != std::string::npos &&
          PersonColumn(*table) != nullptr)
        return std::vector{table};
    }
  }
  std::string listed;
  for (std::size_t i = 0; i < names.size() && i < 20; ++i) listed += (i > 0 ? ", " : "") + names[i];
  return Fail(ErrorCode::kRefused, "no table of this database looks like one of people",
              names.empty() ? "make your tables first" : "name one with --table; there is " + listed);
}

Result<void> WriteAll(const std::vector<NewFile>& files, bool force) {
  for (const NewFile& file : files) {
    if (!force && fs::exists(file.path))
      return Fail(ErrorCode::kRefused, file.path.string() + " is there already, and nothing was written",
                  "choose another --dir, or say --force");
  }
  for (const NewFile& file : files) {
    std::error_code failed;
    fs::create_directories(file.path.parent_path(), failed);
    const int descriptor = open(file.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, file.secret ? 0600 : 0644);
    bool written = descriptor >= 0 && (!file.secret || fchmod(descriptor, 0600) == 0);
    for (std::size_t at = 0; written && at < file.text.size();) {
      const ssize_t count = write(descriptor, file.text.data() + at, file.text.size() - at);
      written = count > 0;
      if (written) at += static_cast<std::size_t>(count);
    }
    if (descriptor >= 0) close(descriptor);
    if (!written)
      return Fail(ErrorCode::kUnavailable, file.path.string() + " cannot be written",
                  "is the folder yours, and the disk not full?");
  }
  return {};
}

std::string Asked(const std::string& question, const std::string& otherwise) {
  fmt::print(std::cerr, "{}{}: ", question, otherwise.empty() ? "" : " [" + otherwise + "]");
  std::string line;
  std::getline(std::cin, line);
  return line.empty() ? otherwise : line;
}

int RunInit(InitOptions options, Console& console) {
  if (options.database.empty() && isatty(STDIN_FILENO) == 1 && !console.json) {
    options.database = Asked("The database with your tables (postgresql://user@host/database)", "");
    options.project = Asked("A name for the Mem0 project", options.project);
  }
  if (options.database.empty())
    return PrintUsageError({ErrorCode::kRefused, "no database was named", "say --from-database postgresql://user@host/database"},
                           console);
  mappings::Catalog catalog;
  std::vector<NewFile> files;
  std::vector<std::string> open_questions;
  const fs::path folder = fs::absolute(options.dir).lexically_normal();
  try {
    Session session{options.database, "membridge init", sync::postgres::SearchPath::kRoles};
    auto read = sync::ReadCatalog(session);
    if (!read) return PrintError(read.error(), console);
    const auto meant = TablesMeant(options, *read);
    if (!meant) return PrintUsageError(meant.error(), console);
    std::vector<std::string> names;
    for (const mappings::Table* table : *meant) {
      FirstMapping made = MakeFirstMapping(*table, NotesOf(session, *table));
      const std::string name = fmt::format("mappings/{}.yaml", table->name);
      names.push_back(name);
      files.push_back({folder / name, std::move(made.yaml)});
      std::move(made.left_open.begin(), made.left_open.end(), std::back_inserter(open_questions));
    }
    const auto url = console.environment("MEM0_BASE_URL");
    files.push_back({folder / "membridge.yaml", ConfigText(options, names, url && !url->empty())});
    files.push_back({folder / "membridge.env", EnvironmentText(options, folder, console.environment), true});
  } catch (const sync::postgres::SqlFailure& failure) {
    const bool connecting = failure.fields().sqlstate.rfind("08", 0) == 0;
    Error error = failure.AsError(sync::postgres::RedactDsn(options.database));
    if (connecting) error.hint = HintForConnection(failure.fields().message);
    return PrintError(error, console);
  }
  if (const auto written = WriteAll(files, options.force); !written) return PrintUsageError(written.error(), console);
  if (options.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const auto& file : files) list.push_back(file.path.string());
    fmt::print(console.out, "{}\n", nlohmann::ordered_json{{"files", std::move(list)}, {"left_open", open_questions}}.dump(2));
    return kDone;
  }
  for (const auto& file : files) fmt::print(console.out, "wrote {}\n", file.path.string());
  for (const auto& question : open_questions) fmt::print(console.out, "to decide: {}\n", question);
  const bool has_key = !console.environment("MEM0_API_KEY").value_or("").empty();
  fmt::print(console.out,
             "\nnext:\n{}  source {}\n  membridge migrate    # makes the bridge's own tables\n  membridge check      # is "
             "everything right?\n  membridge test       # the case of the mapping\n"
             "  membridge fields     # what memories really hold\n  membridge doctor     # what serve needs\n  membridge serve\n",
             has_key ? "" : fmt::format("  put your Mem0 API key into {}\n", (folder / "membridge.env").string()),
             (folder / "membridge.env").string());
  return kDone;
}

}  // namespace

void AddInit(CLI::App& app, Choice& choice) {
  auto options = std::make_shared<InitOptions>();
  CLI::App* command =
      app.add_subcommand("init", "Write a configuration, an environment file and a first mapping from a database's tables");
  command->add_option("--from-database", options->database,
                      "The database with your tables: postgresql://…; asked for on a terminal");
  command->add_option("--table", options->tables,
                      "A table to map; may be given more than once. Else the one that looks most like people");
  command->add_option("--dir", options->dir, "The folder to write into")->capture_default_str();
  command->add_option("--project", options->project, "The bridge's name for the Mem0 project")->capture_default_str();
  command->add_flag("--force", options->force, "Overwrite files that are there");
  command->add_flag("--json", options->json, "Print JSON instead of text");
  command->callback([options, &choice] { choice = [options](Console& console) { return RunInit(*options, console); }; });
}

}  // namespace membridge::admin
