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

/// The error that a client gets when an operation was not carried out. admin/api/README.md lists the codes; their meaning never
/// changes.
struct Problem {
  int status = 500;
  std::string code;
  std::string message;
  std::string hint{};
  FieldProblems fields{};
  std::optional<std::size_t> count{};        ///< the current count, for count_changed
  std::optional<std::string> retry_after{};  ///< seconds
};

/// Makes the failure of an Answer.
tl::unexpected<Problem> Refuse(int status, std::string code, std::string message, std::string hint = {});
tl::unexpected<Problem> RefuseField(std::string field, std::string problem);
/// Converts an Error of the bridge for the client: kNotFound becomes 404, kRefused 409, kUnavailable 503, …
tl::unexpected<Problem> Refuse(const Error& error);

/// Makes a 503 `locked`: another session holds a lock, and the call stopped waiting. Nothing was changed.
tl::unexpected<Problem> RefuseLocked(std::string message);

/// The result of a handler: the body, or a Problem.
using Answer = tl::expected<nlohmann::ordered_json, Problem>;

/// One request after its caller was accepted and it was checked against the document. Threads: one.
struct Call {
  const Caller& caller;
  sync::postgres::Session& state;
  nlohmann::json path;   ///< by parameter name
  nlohmann::json query;  ///< the given values and the defaults
  nlohmann::json body;   ///< null when the operation takes none
  Instant now;

  // Set by the handler for the entry in the audit.
  std::string object{};
  nlohmann::json detail = nlohmann::json::object();
  bool nothing_changed = false;  ///< a dry run, which gets no entry

  /// Returns a parameter of the path or of the query.
  std::string Path(const char* name) const { return path.at(name).get<std::string>(); }
  std::optional<std::string> Query(const char* name) const;
  bool Flag(const nlohmann::json& values, const char* name) const { return values.value(name, false); }
  /// Returns a field of an object; nothing when it is absent.
  template <class Name>
  static std::optional<Name> Given(const nlohmann::json& values, const char* name) {
    if (!values.contains(name)) return std::nullopt;
    return Name{values[name].get<std::string>()};
  }

  /// Begins a transaction on the state database. Its statements are cancelled after kStatementPatience.
  sync::postgres::Transaction Begin();
};

using Handler = std::function<Answer(Call&)>;
/// By operationId.
using Handlers = std::map<std::string, Handler, std::less<>>;

/// Reads a time in the forms of the command line: RFC 3339, a day, or an age. Returns nothing when the field is absent, and a
/// problem when it cannot be read.
tl::expected<std::optional<Instant>, Problem> TimeIn(const nlohmann::json& values, const char* name, Instant now);

/// Returns the value as JSON; null for nothing or an empty text.
nlohmann::ordered_json TimeOrNull(const std::optional<Instant>& time);
nlohmann::ordered_json TextOrNull(const std::string& text);

}  // namespace membridge::admin::api
