#pragma once

#include <chrono>
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

namespace membridge::sync::mem0 {

class Access;
class Wire;

struct Account {
  std::string org_id, project_id, user_email;
};

struct Webhook {
  std::string webhook_id, name;
  std::string url;  ///< holds the token: for comparing and registering, never for a log, an error or a page; see RedactUrl
  std::vector<std::string> event_types;
  bool is_active = true;
};

/// One page of memories. Mem0 promises no order, so a record may come twice or not at all while others are written.
struct MemoryPage {
  std::vector<mappings::Memory> memories;
  std::vector<MemoryId> unreadable;   ///< records that are no memory as we know them: ReadOne says why
  std::size_t nameless = 0;           ///< records so broken that not even their id could be read
  std::optional<std::int64_t> count;  ///< of all pages, at the moment of this one; Mem0 may be wrong about it
  bool linked = false;                ///< Mem0 gives a link to a next page; that alone does not mean that there is one
  bool past_end = false;              ///< Mem0 says that there is no such page
  bool last = false;                  ///< by link, count and size there is no page after this one; for lists of a page or two

  std::size_t Records() const { return memories.size() + unreadable.size() + nameless; }
  bool leads_elsewhere = false;  ///< Mem0's link to the next page names another server; it was not and will not be followed
};

/// What Mem0's list says about memories that were asked for by their ids.
struct ListedMemories {
  std::vector<mappings::Memory> memories;
  std::vector<MemoryId> unreadable;  ///< Mem0 lists them, as something that is no memory as we know them: ReadOne says why
  /// Every page was read and they add up: what is in neither of the above is not in Mem0's list.
  bool complete = false;
};

/// A user, agent, app or run. `name` is what a memory carries as `user_id`; Mem0's own `id` of it is of no use anywhere.
struct Entity {
  std::string type, name;
  std::optional<Instant> updated_at;
};

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

/// What became of something Mem0 does later (adding, deleting a user).
struct Operation {
  std::string status;  ///< `PENDING`, `RUNNING`, `SUCCEEDED`, `FAILED`
  bool Over() const { return status == "SUCCEEDED" || status == "FAILED"; }
};

/// What is known of the last call that failed, beyond its Error.
struct Failure {
  int status = 0;  ///< of HTTP; 0 when there was no answer
  /// Somebody between us and Mem0 answered: a gateway, a proxy, a captive portal. Nothing may be concluded from it.
  bool in_between = false;
  /// How long to wait before the next try, when Mem0 said so.
  std::optional<std::chrono::milliseconds> retry_after;
  /// Mem0's words about single fields of what was sent: `url` → "Enter a valid URL."
  std::map<std::string, std::string> fields;
};

/// One call as it went, for counting.
struct CallReport {
  std::string_view name;     ///< `list_memories`, `read_memory`, `create_webhook`, …
  std::string_view outcome;  ///< `ok`, `in_between` (see Failure), or the error code's name
  int status = 0;
  std::chrono::microseconds took{0};
};

/// One project's Mem0 API, for one thread (keep-alive connection inside). Every try blocks for at most `timeout` on the line and
/// as long again for its turn in the budget, and gives up early when `stop()` says so. Errors: kUnavailable may be tried again
/// (`RetryAfter` says when; no answer, 408, 429, 5xx, 402 and 413 for a quota, and anything a proxy said in Mem0's place),
/// kUnauthorized means the key is wrong (401, 403 in Mem0's shape), kRefused will be refused again, kNotFound is a 404 of Mem0's
/// own. Messages hold Mem0's own words where they cannot hold a memory's text, never the key or a webhook's token.
class Client {
 public:
  struct Options {
    std::string base_url = "https://api.mem0.ai";
    std::string api_key;             ///< without `access`
    std::shared_ptr<Access> access;  ///< holds the key, and says before every call but ping whether it may be made; may be empty
    std::chrono::milliseconds timeout{30'000};
    bool background = false;     ///< sweeps and backfills: waits behind live work for the budget
    std::function<bool()> stop;  ///< polled while waiting; may be empty
    int tries = 1;               ///< how often a call that may be repeated is made, with jittered waits of up to 30 s in between
    std::size_t largest_answer = 64UL << 20U;        ///< bytes, once unpacked; a page of 200 memories is a thousandth of it
    std::function<void(const CallReport&)> observe;  ///< called after every try; may be empty
  };
  Client(Options options, std::shared_ptr<CallBudget> budget);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  Result<Account> Ping();
  /// Whether calls may be made, as Options::access says; it asks Mem0 by a ping when that is due. Without `access`: always.
  Result<void> Admit();
  /// Why nothing may be read, written or withdrawn for the project: the key is another project's. Nothing when it is not, or when
  /// nobody can tell.
  std::optional<Error> OfOtherProject();

  // Memories

  /// The records of up to 200 memories in one list call (all pages if the server splits it), expired and merged ones included.
  /// An id that is missing from the answer is not proof that it is gone: the list may be incomplete, and lists lag behind. Only
  /// well-formed UUIDs may be asked for.
  Result<ListedMemories> ReadMany(const std::vector<MemoryId>& ids);
  /// One memory. kNotFound: Mem0 said in its own words that it does not have it. kRefused: Mem0 said in its own words that the id
  /// is none, or it was never sent because it cannot be one. kRowRejected: Mem0 has it, and the record cannot be read. Anything
  /// else that is no record of this memory, whatever its status, is kUnavailable: somebody in between answered.
  Result<mappings::Memory> ReadOne(const MemoryId& id);
  /// Page `page` (from 1) of all memories a filter names, expired and merged ones included. Whether there is another one after it
  /// is for the caller to judge (ListWatch): links and counts may both be wrong.
  Result<MemoryPage> ListMemories(const Filter& filter, int page, int page_size = kLargestPage);
  /// What happened to one memory, in Mem0's order.
  Result<std::vector<nlohmann::json>> History(const MemoryId& id);
  /// What happened in the whole project, deletions included; order and completeness are not promised.
  Result<HistoryPage> ProjectHistory(int page);
  /// Writes a text as it stands (nothing is inferred from it) and returns its id.
  Result<MemoryId> AddMemory(const std::string& text, const std::string& user, const nlohmann::json& metadata);
  /// kNotFound: it was not there, which after a lost answer means that it worked.
  Result<void> DeleteMemory(const MemoryId& id);

  // Users, exports and profiles

  /// Page `page` (from 1) of users, agents, apps and runs, all mixed. A server that knows no pages answers everything as the
  /// first.
  Result<EntityPage> ListEntities(int page, int page_size = 100);
  /// Deletes a user and all their memories at Mem0. That happens later: the answer is the id to ask ReadOperation for, empty when
  /// Mem0 gave none. kRefused for names that could mean someone else as well (`*`, `/`, `.`).
  Result<std::string> DeleteUser(const std::string& user);
  Result<Operation> ReadOperation(const std::string& event_id);
  /// Starts an export and returns its id. Never tried again by itself: exports cannot be listed, so one that was made and not
  /// heard of is lost and another is made.
  Result<std::string> CreateExport(const nlohmann::json& schema, const Filter& filter, const std::string& instructions);
  /// The filled schema, or nothing while it is not ready; Mem0 says the same of ids that are unknown, failed or older than seven
  /// days.
  Result<std::optional<nlohmann::json>> GetExport(const std::string& export_id);
  Result<Profile> ReadProfile(const std::string& user);

  // Webhooks; field errors of the last refusal are in LastFailure().fields

  Result<std::vector<Webhook>> ListWebhooks(const std::string& mem0_project);
  /// Never tried again by itself after a lost answer: list first.
  Result<Webhook> CreateWebhook(const std::string& mem0_project, const Webhook& webhook);
  /// Sets name, url and event types. Mem0 has no way to set is_active.
  Result<void> UpdateWebhook(const std::string& webhook_id, const Webhook& webhook);
  /// kNotFound: it was not there, which after a lost answer means that it worked.
  Result<void> DeleteWebhook(const std::string& webhook_id);

  /// How long to wait before the next try, when the last error said so (Retry-After as seconds or as an HTTP date).
  std::optional<std::chrono::milliseconds> RetryAfter() const;
  const Failure& LastFailure() const;
  /// How long a call made now would wait for its turn in the budget, at least.
  std::chrono::milliseconds NextTurn() const;

  static constexpr int kLargestPage = 200;

 private:
  std::unique_ptr<Wire> wire_;
};

/// Whether an id has the shape of a UUID, the only one that may go into a `memory_ids` filter.
bool LooksLikeUuid(const std::string& id);

/// What is wrong with a base URL, as the end of a sentence; nothing when it can be used: http or https, a host, perhaps a port
/// and a path.
std::optional<std::string> ProblemWithBaseUrl(const std::string& base_url);

}  // namespace membridge::sync::mem0
