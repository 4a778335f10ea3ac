// Operations on the tokens of this API.
#include "admin/access/admin_tokens.hpp"
#include "admin/access/configured_use.hpp"
#include "admin/api/context.hpp"
#include "admin/shown/views.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;
using sync::postgres::Transaction;

ordered_json ConfiguredView(const AdminToken& token, const std::map<std::string, Instant>& used) {
  const auto last = used.find(token.name);
  return {{"id", nullptr},
          {"name", token.name},
          {"role", NameOf(token.role)},
          {"kept_in", "configuration"},
          {"created_at", nullptr},
          {"created_by", nullptr},
          {"expires_at", nullptr},
          {"last_used", last == used.end() ? ordered_json(nullptr) : ordered_json(FormatRfc3339(last->second))},
          {"revoked_at", nullptr}};
}

Answer ListTokens(Call& call, const Parts& parts) {
  Transaction transaction = call.Begin();
  ordered_json tokens = ordered_json::array();
  const auto used = ConfiguredUse::List(transaction);
  for (const AdminToken& token : parts.config.admin_tokens) tokens.push_back(ConfiguredView(token, used));
  for (const StoredAdminToken& token : AdminTokens{transaction}.List()) tokens.push_back(ViewOf(token));
  return ordered_json{{"tokens", std::move(tokens)}};
}

Answer CreateToken(Call& call) {
  call.object = call.body["name"].get<std::string>();
  call.detail["role"] = call.body["role"];
  std::optional<std::chrono::days> expires_in;
  if (call.body.contains("expires_in_days")) expires_in = std::chrono::days{call.body["expires_in_days"].get<int>()};
  Transaction transaction = call.Begin();
  const auto issued = AdminTokens{transaction}.Create(call.object, *RoleNamed(call.body["role"].get<std::string>()),
                                                      call.caller.Actor(), expires_in);
  if (!issued) return Refuse(issued.error());
  transaction.Commit();
  call.detail["id"] = issued->stored.id;
  return ordered_json{{"token", issued->token},
                      {"id", issued->stored.id},
                      {"name", issued->stored.name},
                      {"role", NameOf(issued->stored.role)},
                      {"expires_at", TimeOrNull(issued->stored.expires_at)}};
}

Answer Revoke(Call& call) {
  Transaction transaction = call.Begin();
  const auto revoked = AdminTokens{transaction}.Revoke(call.Path("token"));
  if (!revoked) return Refuse(revoked.error());
  transaction.Commit();
  call.detail["name"] = revoked->name;
  return ViewOf(*revoked);
}

}  // namespace

void AddTokenCalls(Handlers& handlers, const Parts& parts) {
  handlers["listTokens"] = [&parts](Call& call) { return ListTokens(call, parts); };
  handlers["createToken"] = CreateToken;
  handlers["revokeToken"] = Revoke;
}

}  // namespace membridge::admin::api
