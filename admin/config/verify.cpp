#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "admin/config/sections.hpp"
#include "admin/config/values.hpp"
#include "receiver/verify/address_verifiers.hpp"
#include "receiver/verify/basic_verifier.hpp"
#include "receiver/verify/hmac_verifier.hpp"
#include "receiver/verify/standard_webhooks.hpp"
#include "receiver/verify/token_verifier.hpp"

namespace membridge::admin {
namespace {

using Made = Result<std::shared_ptr<const receiver::Verifier>>;

/// Reads one of a few words and stores its meaning in `into`.
template <class Meaning>
void ReadWord(Fields& fields, std::string_view key, const std::map<std::string, Meaning>& words, Meaning& into) {
  const auto text = fields.Text(key);
  if (!text) return;
  if (const auto word = words.find(*text); word != words.end()) {
    into = word->second;
    return;
  }
  std::vector<std::string> known;
  for (const auto& [word, meaning] : words) known.push_back(word);
  fields.context().problems.Error(fields.Take(key)->place,
                                  fmt::format("unknown {} \"{}\"{}", key, *text, Suggestion(*text, known)));
}

Made StandardWebhooks(Fields& fields) {
  std::chrono::seconds tolerance = std::chrono::minutes{5};
  fields.Read("tolerance", tolerance);
  return receiver::MakeStandardWebhooks(TextsOf(fields, "secrets"), tolerance);
}

Made Hmac(Fields& fields) {
  using receiver::HashAlgorithm;
  using receiver::MacEncoding;
  receiver::HmacOptions options;
  options.header = fields.RequiredText("header", "name the header the signature stands in").value_or("");
  options.secrets = TextsOf(fields, "secrets");
  ReadWord<HashAlgorithm>(
      fields, "algorithm",
      {{"sha1", HashAlgorithm::kSha1}, {"sha256", HashAlgorithm::kSha256}, {"sha512", HashAlgorithm::kSha512}},
      options.algorithm);
  ReadWord<MacEncoding>(fields, "encoding", {{"hex", MacEncoding::kHex}, {"base64", MacEncoding::kBase64}}, options.encoding);
  options.prefix = fields.Text("prefix").value_or("");
  options.signed_text = fields.Text("signed").value_or(options.signed_text);
  options.timestamp_header = fields.Text("timestamp_header").value_or("");
  options.id_header = fields.Text("id_header").value_or("");
  fields.Read("tolerance", options.tolerance);
  return receiver::MakeHmacVerifier(std::move(options));
}

Made IpAllow(Fields& fields) {
  const auto networks = TextsOf(fields, "networks");
  return receiver::MakeIpAllow(networks, TextsOf(fields, "trusted_proxies"));
}

Made ClientCertificate(Fields& fields) {
  receiver::ClientCertificateOptions options;
  options.header = fields.RequiredText("header", "name the header the proxy fills").value_or("");
  options.allowed = TextsOf(fields, "allowed");
  options.trusted_proxies = TextsOf(fields, "trusted_proxies");
  return receiver::MakeClientCertificate(std::move(options));
}

const std::map<std::string, Made (*)(Fields&)>& SchemesWithOptions() {
  static const std::map<std::string, Made (*)(Fields&)> kSchemes{
      {"standard-webhooks", StandardWebhooks}, {"hmac", Hmac}, {"ip-allow", IpAllow}, {"client-certificate", ClientCertificate}};
  return kSchemes;
}

std::vector<std::string> Names() {
  std::vector<std::string> names{"token", "none", "basic", "all", "any"};
  for (const auto& [name, make] : SchemesWithOptions()) names.push_back(name);
  return names;
}

Made Basic(const YamlNode& value, ReadingContext& context) {
  std::vector<receiver::BasicLogin> logins;
  for (const YamlNode& item : value.items) {
    if (!IsMap(item, "a login", context)) continue;
    Fields fields{item, "a login", context};
    auto user = fields.RequiredText("user", "write {user: …, password: …}");
    auto password = fields.RequiredText("password", "write {user: …, password: …}");
    fields.Done();
    if (user && password) logins.push_back({std::move(*user), std::move(*password)});
  }
  return receiver::MakeBasicVerifier(logins);
}

/// Reads a scheme with options. A problem that was reported at its own place is not reported again for the whole scheme.
std::optional<VerificationScheme> ReadWithOptions(const YamlNode& name, const YamlNode& value, ReadingContext& context) {
  const auto scheme = SchemesWithOptions().find(name.text);
  const bool is_basic = name.text == "basic";
  if (scheme == SchemesWithOptions().end() && !is_basic) {
    context.problems.Error(name.place, fmt::format("unknown verification \"{}\"{}", name.text, Suggestion(name.text, Names())));
    return std::nullopt;
  }
  mappings::Diagnostics found;
  ReadingContext inner{context.environment, found, context.folder};
  receiver::Networks trusted_proxies;
  Made made = Fail(ErrorCode::kRefused, "");
  if (is_basic) {
    if (value.kind != YamlNode::Kind::kList)
      found.Error(value.place, "\"basic\" takes a list of logins: [{user: …, password: …}]");
    made = Basic(value, inner);
  } else if (IsMap(value, fmt::format("\"{}\"", name.text), inner)) {
    Fields fields{value, fmt::format("\"{}\"", name.text), inner};
    made = scheme->second(fields);
    // The scheme has already reported problems with them.
    if (made) trusted_proxies = receiver::Networks::Read(TextsOf(fields, "trusted_proxies")).value_or(receiver::Networks{});
    fields.Done();
  }
  if (!made && !found.HasErrors()) found.Error(name.place, made.error().message);
  context.problems.Append(found);
  if (!made) return std::nullopt;
  return VerificationScheme{.name = name.text, .verifier = std::move(*made), .trusted_proxies = std::move(trusted_proxies)};
}

bool IsCombination(std::string_view name) {
  return name == "all" || name == "any";
}

std::optional<VerificationScheme> ReadScheme(const YamlNode& item, ReadingContext& context);

/// Reads `all` or `any` with its list. `none` is refused there: it would accept every request, or have no effect.
std::optional<VerificationScheme> ReadCombination(const YamlNode& name, const YamlNode& value, ReadingContext& context) {
  if (value.kind != YamlNode::Kind::kList || value.items.empty()) {
    context.problems.Error(value.place, fmt::format("\"{0}\" takes a list; write {{{0}: [token, …]}}", name.text));
    return std::nullopt;
  }
  VerificationScheme combination{name.text};
  for (const YamlNode& item : value.items) {
    if (item.kind == YamlNode::Kind::kScalar && item.text == "none") {
      context.problems.Error(item.place, fmt::format("\"none\" inside \"{}\" means nothing; leave it out", name.text));
      return std::nullopt;
    }
    auto part = ReadScheme(item, context);
    if (!part) return std::nullopt;
    combination.parts.push_back(std::move(*part));
  }
  return combination;
}

std::optional<VerificationScheme> ReadScheme(const YamlNode& item, ReadingContext& context) {
  if (item.kind == YamlNode::Kind::kMap && item.entries.size() == 1) {
    if (IsCombination(item.entries[0].key.text)) return ReadCombination(item.entries[0].key, item.entries[0].value, context);
    return ReadWithOptions(item.entries[0].key, item.entries[0].value, context);
  }
  if (item.kind != YamlNode::Kind::kScalar) {
    context.problems.Error(item.place, "a verification is one name, or one name with its options");
    return std::nullopt;
  }
  if (item.text == "token") return VerificationScheme{"token"};
  if (item.text == "none") {
    context.problems.Warn(item.place, "anyone who knows the URL can mark memories for reading: \"verify: none\" checks nothing");
    return VerificationScheme{"none", std::make_shared<const receiver::NoVerifier>()};
  }
  const bool has_options = item.text == "basic" || SchemesWithOptions().contains(item.text);
  context.problems.Error(item.place,
                         IsCombination(item.text) ? fmt::format("\"{0}\" takes a list; write {{{0}: [token, …]}}", item.text)
                         : has_options            ? fmt::format("\"{0}\" needs options; write {{{0}: {{…}}}}", item.text)
                                       : fmt::format("unknown verification \"{}\"{}", item.text, Suggestion(item.text, Names())));
  return std::nullopt;
}

}  // namespace

std::vector<VerificationScheme> ReadVerify(Fields& webhook) {
  ReadingContext& context = webhook.context();
  const YamlNode* value = webhook.Take("verify");
  if (value == nullptr) return {{"token"}};
  std::vector<const YamlNode*> items;
  if (value->kind == YamlNode::Kind::kScalar) {
    items.push_back(value);  // a single word may stand for a list of one
  } else {
    items = webhook.List("verify");
  }
  if (items.empty()) {
    context.problems.Error(value->place, "an empty \"verify\" is refused; write verify: [token], or spell out verify: none");
  }
  std::vector<VerificationScheme> schemes;
  for (const YamlNode* item : items) {
    if (auto scheme = ReadScheme(*item, context)) schemes.push_back(std::move(*scheme));
  }
  const bool none = std::any_of(schemes.begin(), schemes.end(), [](const auto& scheme) { return scheme.name == "none"; });
  if (none && schemes.size() > 1) {
    context.problems.Error(value->place, "\"none\" has no effect beside other verifications; leave it out");
  }
  return schemes;
}

}  // namespace membridge::admin
