#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/memory.hpp"
#include "sync/mem0/budget.hpp"
#include "sync/mem0/filters.hpp"
#include "sync/mem0/records.hpp"

namespace membridge::sync::mem0 {

class Access;
class Wire;
struct ApiOperation;

/// What a destroying operation would destroy.
struct Meant {
  std::size_t count = 0;
  std::string_view of;  ///< `memories`, or the noun of the operation
};

/// The account of an API key, as ping returns it.
struct Account {
  std::string org_id, project_id, user_email;
};

/// A webhook as Mem0 has it registered.
struct Webhook {
  std::string webhook_id, name;
  std::string url;  ///< holds the token: never show it in a log, an error or a page; see RedactUrl
  std::vector<std::string> event_types;
  bool is_active = true;
};

/// A user, agent, app or run. `name` is what a memory carries as `user_id`. Mem0's own `id` of an entity is left out, since no
/// call takes it.
struct Entity {
  std::string type, name;
  std::optional<Instant> updated_at;
};

/// One page of entities. `count`, `linked` and `past_end` mean the same as in MemoryPage.
struct EntityPage {
  std::vector<Entity> entities;  ///< those that could be read
  std::size_t records = 0;       ///< all of them
  std::optional<std::int64_t> count;
  bool linked = false;
  bool past_end = false;
};

/// What changed, as Mem0 recorded it; entries are as they came (`memory_id`, `event`, `old_memory`, `new_memory`, …).
struct HistoryPage {
  std::vector<nlohmann::json> entries;
  bool last = true;
};

/// A user's profile, where the Mem0 project keeps them.
struct Profile {
  std::string status;      ///< `succeeded`, `pending`, `failed`, `not_enabled`, `insufficient_data`
  nlohmann::json profile;  ///< an object when succeeded, else null
  std::optional<Instant> updated_at;
};

/// The state of an operation that Mem0 carries out later, such as deleting a user.
struct Operation {
  std::string status;  ///< `PENDING`, `RUNNING`, `SUCCEEDED`, `FAILED`
  bool Over() const { return status == "SUCCEEDED" || status == "FAILED"; }
};

/// Details of the last failed call, beyond its Error.
struct Failure {
  int status = 0;  ///< of HTTP; 0 when there was no answer
  /// A gateway, proxy or captive portal answered instead of Mem0. Conclude nothing from it.
  bool in_between = false;
  /// How long to wait before the next try, when Mem0 said so.
  std::optional<std::chrono::milliseconds> retry_after;
  /// Mem0's messages about single fields of the request: `url` → "Enter a valid URL."
  std::map<std::string, std::string> fields;
};

/// How one try of a call went, for counting.
struct CallReport {
  std::string_view name;     ///< `list_memories`, `read_memory`, `create_webhook`, …
  std::string_view outcome;  ///< `ok`, `in_between` (see Failure), or the error code's name
  int status = 0;
  std::chrono::microseconds took{0};
};

/// Calls the Mem0 API for one project. For one thread; it keeps one connection alive. Every try blocks for at most `timeout` on
/// the line and as long again for its turn in the budget; it gives up early when `stop()` returns true. Errors: kUnavailable: try
/// again, RetryAfter() says when (no answer, 408, 429, 5xx, 402 and 413 for a quota, any answer of a proxy). kUnauthorized: the
/// key is wrong (401, 403 in Mem0's shape). kRefused: the same call will be refused again. kNotFound: a 404 from Mem0 itself.
/// Messages quote Mem0 where it cannot quote a memory's text, and never hold the key or a webhook's token.
class Client final : public Records {
 public:
  struct Options {
    std::string base_url = "https://api.mem0.ai";
    std::string api_key;             ///< used only without `access`
    std::shared_ptr<Access> access;  ///< holds the key, and allows or refuses every call but ping; may be empty
    std::chrono::milliseconds timeout{30'000};
    bool background = false;     ///< for sweeps and backfills: live work gets the budget first
    std::function<bool()> stop;  ///< polled while waiting; may be empty
    int tries = 1;               ///< how often a repeatable call is made at most, with jittered waits of up to 30 s in between
    std::size_t largest_answer = 64UL << 20U;        ///< bytes after unpacking; a page of 200 memories takes a thousandth of it
    std::function<void(const CallReport&)> observe;  ///< called after every try; may be empty
  };
  Client(Options options, std::shared_ptr<CallBudget> budget);
  ~Client() override;
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  Result<Account> Ping();
  /// Tells whether calls may be made, as Access::Admit() does; it pings Mem0 when that is due. Without `access`: always.
  Result<void> Admit() override;
  /// Returns an error when the key is another project's: then nothing may be read, written or withdrawn for the project. Returns
  /// nothing when it is not, or when that cannot be found out.
  std::optional<Error> OfOtherProject() override;

  // Memories

  /// Reads up to 200 memories in one list call (all pages if the server splits it), expired and merged ones included. A missing
  /// id does not prove that the memory is gone: the list may be incomplete, and lists lag behind. Every id must be a well-formed
  /// UUID (LooksLikeUuid).
  Result<ListedMemories> ReadMany(const std::vector<MemoryId>& ids) override;
  /// Reads one memory. kNotFound: Mem0 itself says that it does not have it. kRefused: Mem0 itself says that the id is not one,
  /// or the id was not sent because it cannot be one. kRowRejected: Mem0 has it, but the record cannot be read. kUnavailable: any
  /// other answer that is not a record of this memory, with any status, because it may come from a proxy.
  Result<mappings::Memory> ReadOne(const MemoryId& id) override;
  /// Reads page `page` (from 1) of the memories that a filter selects, expired and merged ones included. The caller must judge
  /// whether there is another page (ListWatch): links and counts may both be wrong.
  Result<MemoryPage> ListMemories(const Filter& filter, int page, int page_size = kLargestPage);
  Result<MemoryPage> ReadPage(const PageRequest& request) override;
  /// Reads what happened to one memory, in Mem0's order.
  Result<std::vector<nlohmann::json>> History(const MemoryId& id);
  /// Reads what happened in the whole project, deletions included. Neither the order nor completeness is promised.
  Result<HistoryPage> ProjectHistory(int page);
  /// Adds a memory with exactly this text (Mem0 infers nothing from it) and returns its id.
  Result<MemoryId> AddMemory(const std::string& text, const std::string& user, const nlohmann::json& metadata);
  /// kNotFound: it was not there, which after a lost answer means that it worked.
  Result<void> DeleteMemory(const MemoryId& id);

  // Users, exports and profiles

  /// Reads page `page` (from 1) of users, agents, apps and runs, all mixed. A server without pages returns everything as the
  /// first.
  Result<EntityPage> ListEntities(int page, int page_size = 100);
  /// Deletes a user and all their memories at Mem0. Mem0 does it later: the result is the id for ReadOperation(), empty when Mem0
  /// gave none. kRefused for names that could also mean another user (`*`, `/`, `.`).
  Result<std::string> DeleteUser(const std::string& user);
  Result<Operation> ReadOperation(const std::string& event_id);
  /// Starts an export and returns its id. Makes only one try: exports cannot be listed, so an export whose answer is lost cannot
  /// be found again, and the caller makes another.
  Result<std::string> CreateExport(const nlohmann::json& schema, const Filter& filter, const std::string& instructions);
  /// Returns the filled schema, or nothing while it is not ready. Mem0 answers the same for ids that are unknown, failed or older
  /// than seven days.
  Result<std::optional<nlohmann::json>> GetExport(const std::string& export_id);
  Result<Profile> ReadProfile(const std::string& user);

  // Webhooks; field errors of the last refusal are in LastFailure().fields

  Result<std::vector<Webhook>> ListWebhooks(const std::string& mem0_project);
  /// Does not try again after a lost answer: list the webhooks before you call it again.
  Result<Webhook> CreateWebhook(const std::string& mem0_project, const Webhook& webhook);
  /// Sets name, url and event types. Mem0 has no way to set is_active.
  Result<void> UpdateWebhook(const std::string& webhook_id, const Webhook& webhook);
  /// kNotFound: it was not there, which after a lost answer means that it worked.
  Result<void> DeleteWebhook(const std::string& webhook_id);

  // Operations of the table (api_operations.hpp), for people

  /// Carries out an operation with arguments that ProblemsWith() accepts, and returns Mem0's answer in Mem0's order; an empty
  /// object for an empty answer. Asks Mem0 for the account first when the operation is about the API key's own project.
  Result<nlohmann::ordered_json> Perform(const ApiOperation& operation, const nlohmann::json& arguments);
  /// Counts what the operation would destroy, by Mem0's list where it destroys memories that a filter names. A project that is
  /// not the API key's own counts as one, since its memories cannot be listed.
  Result<Meant> CountMeant(const ApiOperation& operation, const nlohmann::json& arguments);

  /// How long to wait before the next try, when the last error told it (Retry-After as seconds or as an HTTP date).
  std::optional<std::chrono::milliseconds> RetryAfter() const override;
  const Failure& LastFailure() const;
  /// How long a call made now would wait for its turn in the budget, at least.
  std::chrono::milliseconds NextTurn() const override;

  static constexpr int kLargestPage = 200;

 private:
  std::unique_ptr<Wire> wire_;
};

/// Tells what is wrong with a base URL, as the end of a sentence. Nothing: it can be used, since it has http or https, a host,
/// and perhaps a port and a path.
std::optional<std::string> ProblemWithBaseUrl(const std::string& base_url);

}  // namespace membridge::sync::mem0
