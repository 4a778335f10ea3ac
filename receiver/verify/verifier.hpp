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
  const ProjectId& project;      ///< from the URL; it may not exist
  std::string_view url_token;    ///< from the URL, decoded; empty when the URL has none
  Instant now;
};

/// What a scheme learned from a request that it accepted.
struct Admission {
  std::string token_id{};                  ///< of the URL token that matched; empty from every other scheme
  std::optional<sync::ReplayMark> once{};  ///< set by schemes that sign an id or a time

  /// Adds what another scheme learned. Values that are already set stay.
  void Add(const Admission& other);
};

/// What is known of a sender before the body is complete.
enum class Standing {
  kProven,  ///< accepted, whatever the body will be
  kOpen,    ///< the scheme signs the body; Verify() decides when it is complete
};

/// One configured verification scheme. To add a scheme, add a class of this kind. Threads: called from several at once. Must not
/// block.
class Verifier {
 public:
  virtual ~Verifier() = default;
  /// Decides about a complete request. kUnauthorized: not accepted. The message says why, for metrics and logs only: it is short,
  /// constant and has nothing from the request.
  virtual Result<Admission> Verify(const Attempt& attempt) const = 0;
  /// Decides by the header alone; the body may be missing or incomplete. kUnauthorized: Verify() would refuse the request with
  /// any body. A scheme that never reads the body need not override it.
  virtual Result<Standing> VerifyHead(const Attempt& attempt) const;
};

/// Combines several schemes: all of them must accept, or any one of them. Every scheme is asked, even when the result is known,
/// so that the time does not reveal which one accepted. kRefused: `schemes` is empty.
Result<std::shared_ptr<const Verifier>> MakeAllOf(std::vector<std::shared_ptr<const Verifier>> schemes);
Result<std::shared_ptr<const Verifier>> MakeAnyOf(std::vector<std::shared_ptr<const Verifier>> schemes);

/// The schemes of each project; all schemes of a project must accept. Immutable and thread-safe; use Snapshot to replace it.
class Verification {
 public:
  using Schemes = std::vector<std::shared_ptr<const Verifier>>;

  /// A project without schemes accepts nothing.
  explicit Verification(std::map<ProjectId, Schemes> projects = {});

  /// A request for an unknown project is checked by the schemes of the first known project, so that it takes as long as a wrong
  /// credential.
  Result<Admission> Verify(const Attempt& attempt) const;
  /// Decides by the header alone: refuses a request that would be refused with any body. An unknown project is refused as late as
  /// a known one with the same schemes.
  Result<Standing> VerifyHead(const Attempt& attempt) const;

 private:
  /// Returns the schemes of the project, or of the first known one; nullptr when there are none.
  const Schemes* SchemesFor(const ProjectId& project) const;

  std::map<ProjectId, Schemes> projects_;
};

}  // namespace membridge::receiver
