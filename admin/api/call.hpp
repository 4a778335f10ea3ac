#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "admin/access/admin_tokens.hpp"
#include "admin/api/schema_check.hpp"
#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin::api {

/// Why an operation was not carried out, as the client is told. Codes are listed in admin/api/README.md and never change meaning.
struct Problem {
  int status = 500;
  std::string code;
  std::string message;
  std::string hint{};
  FieldProblems fields{};
  std::optional<std::size_t> count{};        ///< of count_changed
  std::optional<std::string> retry_after{};  ///< seconds
};

/// The failure half of what a handler answers.
tl::unexpected<Problem> Refuse(int status, std::string code, std::string message, std::string hint = {});
tl::unexpected<Problem> RefuseField(std::string field, std::string problem);
/// An Error of the bridge's own, as a client sees it: kNotFound 404, kRefused 409, kUnavailable 503, …
tl::unexpected<Problem> Refuse(const Error& error);

/// 503 `locked`: somebody else holds what the call needs, and it gave up waiting. Nothing was changed.
tl::unexpected<Problem> RefuseLocked(std::string message);

/// What a handler answers: the body, or why not.
using Answer = tl::expected<nlohmann::ordered_json, Problem>;

/// One request, let in and checked against the document.
struct Call {
  const Caller& caller;
  sync::postgres::Session& state;
  nlohmann::json path;   ///< by parameter name
  nlohmann::json query;  ///< what was given, and defaults
  nlohmann::json body;   ///< null where the operation takes none
  Instant now;

  // What the audit is told of it.
  std::string object{};
  nlohmann::json detail = nlohmann::json::object();
  bool nothing_changed = false;  ///< a dry run: not written down

  /// A parameter of the path, or of the query.
  std::string Path(const char* name) const { return path.at(name).get<std::string>(); }
  std::optional<std::string> Query(const char* name) const;
  bool Flag(const nlohmann::json& values, const char* name) const { return values.value(name, false); }
  /// A field of an object, when it is there.
  template <class Name>
  static std::optional<Name> Given(const nlohmann::json& values, const char* name) {
    if (!values.contains(name)) return std::nullopt;
    return Name{values[name].get<std::string>()};
  }

  /// A transaction on the state database whose statements end after kStatementPatience.
  sync::postgres::Transaction Begin();
};

using Handler = std::function<Answer(Call&)>;
/// By operationId.
using Handlers = std::map<std::string, Handler, std::less<>>;

/// A time as the command line takes it, too: RFC 3339, a day, or an age. Nothing when the field is not there; a problem when it
/// cannot be read.
tl::expected<std::optional<Instant>, Problem> TimeIn(const nlohmann::json& values, const char* name, Instant now);

/// As a JSON value: null for nothing.
nlohmann::ordered_json TimeOrNull(const std::optional<Instant>& time);
nlohmann::ordered_json TextOrNull(const std::string& text);

}  // namespace membridge::admin::api
