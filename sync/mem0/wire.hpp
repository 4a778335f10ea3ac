#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/result.hpp"
#include "sync/mem0/access.hpp"
#include "sync/mem0/client.hpp"

namespace membridge::sync::mem0 {

/// The subject of a call decides how much of Mem0's message an error may repeat.
enum class Subject {
  kAccount,   ///< everything Mem0 says
  kMemories,  ///< only messages about our request (4xx): a server fault may quote a memory's text
  kWebhooks,  ///< everything, with addresses redacted: they hold tokens
};

/// A refusal that comes from Mem0 itself, recognised by its text.
struct Refusal {
  int status;
  std::string_view key;    ///< the member that holds the words: `error`, `detail`; empty: any JSON
  std::string_view words;  ///< how they begin, in any case of letters
};

struct Answer;

struct Request {
  std::string_view name;  ///< `list_memories`; labels metrics and begins messages
  std::string_view method = "GET";
  std::string path;
  std::optional<nlohmann::json> body = {};
  Subject subject = Subject::kAccount;
  bool creates = false;  ///< two calls would make two things: tried again only when Mem0 certainly did nothing (429)
  std::vector<std::string> secrets = {};  ///< must not come back in an error
  /// The refusals of this call that Mem0 itself gives, besides those about keys, limits and faults. Any other refusal counts as a
  /// proxy's. Empty: every refusal that is JSON counts as Mem0's.
  std::vector<Refusal> refusals = {};
  bool may_be_forbidden = false;  ///< a 403 refuses this call and says nothing about the key
  /// Whether an answer of 2xx can be Mem0's. Empty: every one can.
  std::function<bool(const Answer&)> is_mem0s = {};
};

/// An answer with a status of 2xx.
struct Answer {
  int status = 0;
  std::string body;
  bool says_json = false;  ///< by its Content-Type
};

/// Sends requests to Mem0: one connection that is kept alive, the shared budget, retries. For one thread.
class Wire {
 public:
  Wire(Client::Options options, std::shared_ptr<CallBudget> budget);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// Errors are those of Client. Does not follow redirects, because the key would go with them.
  Result<Answer> Call(const Request& request);
  /// The same, and the answer parsed. An answer that is not JSON though it says so is kRefused, anything else kUnavailable.
  Result<nlohmann::json> CallForJson(const Request& request);

  Result<Account> Ping();
  /// See Client.
  Result<void> Admit();
  Access::Standing StandingOfKey() const;

  const Failure& LastFailure() const { return failure_; }
  const CallBudget& Budget() const { return *budget_; }
  /// Whether a `next` link leads to another server than base_url.
  bool LeadsElsewhere(const std::string& link) const;

 private:
  struct Curl;
  struct Exchange;
  Result<Account> PingWithKey();
  Result<Answer> CallWithKey(const Request& request);
  Result<Answer> TryOnce(const Request& request);
  Result<void> WaitForTurn();
  bool Wait(std::chrono::milliseconds time);  ///< false: we are to stop
  bool Stopping() const { return options_.stop && options_.stop(); }
  tl::unexpected<Error> NotReached(const Request& request, const Exchange& exchange, int curl_code);
  tl::unexpected<Error> Refused(const Request& request, const Exchange& exchange);
  tl::unexpected<Error> NotMem0s(std::string message);

  Client::Options options_;
  std::shared_ptr<CallBudget> budget_;
  std::unique_ptr<Curl> curl_;
  std::string key_;  ///< of the current call
  Failure failure_;
};

}  // namespace membridge::sync::mem0
