#include <fmt/format.h>
#include <fmt/ostream.h>
#include <re2/re2.h>

#include <CLI/CLI.hpp>

#include "admin/access/admin_tokens.hpp"
#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/shown/table.hpp"
#include "admin/shown/views.hpp"

namespace membridge::admin {
namespace {

using sync::postgres::Session;
using sync::postgres::Transaction;

struct TokenOptions {
  std::shared_ptr<CommonOptions> common;
  std::string name, id;
  std::string role = "viewer";
  int days = 0;
};

int CreateToken(const TokenOptions& options, Session& session, Console& console) {
  Transaction transaction = session.Begin();
  const auto expires_in = options.days > 0 ? std::optional{std::chrono::days{options.days}} : std::nullopt;
  const auto issued = AdminTokens{transaction}.Create(options.name, *RoleNamed(options.role), CommandActor(), expires_in);
  if (!issued) return PrintError(issued.error(), console);
  transaction.Commit();
  NoteInAudit(session, console, "token.create", options.name, nullptr, {{"id", issued->stored.id}, {"role", options.role}});
  if (options.common->json) {
    nlohmann::ordered_json json = ViewOf(issued->stored);
    json["token"] = issued->token;
    fmt::print(console.out, "{}\n", json.dump(2));
  } else {
    // Print only the token to stdout, for TOKEN=$(membridge tokens create …).
    fmt::print(console.out, "{}\n", issued->token);
    fmt::print(console.err, "{}, role {}; it is not shown again\n", options.name, options.role);
  }
  return kDone;
}

int ListTokens(const TokenOptions& options, Session& session, Console& console) {
  Transaction transaction = session.Begin();
  const auto tokens = AdminTokens{transaction}.List();
  if (options.common->json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const StoredAdminToken& token : tokens) list.push_back(ViewOf(token));
    fmt::print(console.out, "{}\n", nlohmann::ordered_json{{"tokens", std::move(list)}}.dump(2));
    return kDone;
  }
  const Instant now = SystemClock{}.Now();
  TextTable table{{"TOKEN", "NAME", "ROLE", "LAST USED", "STATE"}};
  for (const StoredAdminToken& token : tokens) {
    const std::string state = token.revoked_at   ? "revoked " + WithAge(*token.revoked_at, now)
                              : token.expires_at ? "until " + WithAge(*token.expires_at, now)
                                                 : "valid";
    table.Add({token.id, token.name, std::string{NameOf(token.role)}, token.last_used ? WithAge(*token.last_used, now) : "never",
               state});
  }
  fmt::print(
      console.out, "{}",
      table.Empty() ? "no token was issued; those of the configuration are not listed here\n" : table.Text(console.coloured));
  return kDone;
}

int Revoke(const TokenOptions& options, Session& session, Console& console) {
  Transaction transaction = session.Begin();
  const auto revoked = AdminTokens{transaction}.Revoke(options.id);
  if (!revoked) return PrintError(revoked.error(), console);
  transaction.Commit();
  NoteInAudit(session, console, "token.revoke", options.id, nullptr, {{"name", revoked->name}});
  fmt::print(console.out, "{} is revoked and refused from now on\n", revoked->name);
  return kDone;
}

}  // namespace

void AddTokens(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("tokens", "Tokens of the admin API and page, beside those of the configuration");
  group->require_subcommand(1);

  auto create_options = std::make_shared<TokenOptions>();
  CLI::App* create = group->add_subcommand("create", "Issue a token and print it; the bridge keeps only its hash");
  create_options->common = AddConfigAndJsonOptions(*create);
  const auto is_name = [](const std::string& name) {
    return re2::RE2::FullMatch(name, "[a-z0-9][a-z0-9_-]{0,62}") ? std::string{} : "use up to 63 of a-z, 0-9, - and _";
  };
  create->add_option("name", create_options->name, "Tells tokens apart in the audit")->required()->check(is_name);
  create->add_option("--role", create_options->role, "viewer, operator or admin")
      ->check(CLI::IsMember({"viewer", "operator", "admin"}))
      ->capture_default_str();
  create->add_option("--days", create_options->days, "Expires after so many days; never when left out")
      ->check(CLI::Range(1, 3650));
  create->callback([=, &choice] { choice = OnState(create_options, CreateToken); });

  auto list_options = std::make_shared<TokenOptions>();
  CLI::App* list = group->add_subcommand("list", "Those that were issued; never the tokens themselves");
  list_options->common = AddConfigAndJsonOptions(*list);
  list->callback([=, &choice] { choice = OnState(list_options, ListTokens); });

  auto revoke_options = std::make_shared<TokenOptions>();
  CLI::App* revoke = group->add_subcommand("revoke", "Revoke a token: it is refused from now on");
  revoke_options->common = AddConfigAndJsonOptions(*revoke);
  revoke->add_option("id", revoke_options->id, "The token's id, as tokens list shows it")->required();
  revoke->callback([=, &choice] { choice = OnState(revoke_options, Revoke); });
}

}  // namespace membridge::admin
