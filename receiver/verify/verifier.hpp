#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "receiver/http/message.hpp"
#include "sync/inbox/inbox.hpp"

namespace membridge::receiver {

/// A request that claims to come from Mem0.
struct Attempt {
  const http::Request& request;  ///< raw bytes of the body, all headers, the peer's address
  const ProjectId& project;      ///< from the URL; need not exist
  std::string_view url_token;    ///< from the URL, decoded; empty when the URL has none
  Instant now;
};

/// What a scheme learned from a request it let in.
struct Admission {
  std::string token_id{};                  ///< of the URL token that matched; empty from every other scheme
  std::optional<sync::ReplayMark> once{};  ///< from schemes that sign an id or a time

  /// Adds what another scheme learned; what is known already stays.
  void Add(const Admission& other);
};

/// What is known of a sender before the body is in.
enum class Standing {
  kProven,  ///< let in, whatever the body is
  kOpen,    ///< the scheme signs the body: Verify() decides once it is there
};

/// One verification scheme, configured. Adding a scheme is adding a class of this kind.
/// Threads: called from several at once. Must not block.
class Verifier {
 public:
  virtual ~Verifier() = default;
  /// kUnauthorized: not let in. Its message says why, for metrics and logs only: short, constant, without anything from the
  /// request.
  virtual Result<Admission> Verify(const Attempt& attempt) const = 0;
  /// The same by the header alone; the body of the request may be missing or cut. kUnauthorized: Verify() would refuse whatever
  /// the body is. A scheme that never looks at the body need not override it.
  virtual Result<Standing> VerifyHead(const Attempt& attempt) const;
};

/// Several schemes as one: `all` have to pass, or `any` one of them has to. Every one is asked whatever the others say, so that
/// time does not tell which one passed. kRefused: there is none to ask.
Result<std::shared_ptr<const Verifier>> MakeAllOf(std::vector<std::shared_ptr<const Verifier>> schemes);
Result<std::shared_ptr<const Verifier>> MakeAnyOf(std::vector<std::shared_ptr<const Verifier>> schemes);

/// Which schemes guard which project; all of a project's must pass. Immutable; see Snapshot.
class Verification {
 public:
  using Schemes = std::vector<std::shared_ptr<const Verifier>>;

  /// A project without schemes lets nobody in.
  explicit Verification(std::map<ProjectId, Schemes> projects = {});

  /// An unknown project is put through the schemes of the first known one, so that it takes the time a wrong credential takes.
  Result<Admission> Verify(const Attempt& attempt) const;
  /// By the header alone: refuses a sender whom no body can help. An unknown project is told apart as late as a known one with
  /// the same schemes would be.
  Result<Standing> VerifyHead(const Attempt& attempt) const;

 private:
  /// The schemes of the project, or of the first known one; nothing when there is none to ask.
  const Schemes* SchemesFor(const ProjectId& project) const;

  std::map<ProjectId, Schemes> projects_;
};

}  // namespace membridge::receiver
