#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/memory.hpp"

namespace membridge::sync::mem0 {

/// One page of memories. Mem0 promises no order, so a record may come twice or not at all while others are written.
struct MemoryPage {
  std::vector<mappings::Memory> memories;
  std::vector<MemoryId> unreadable;   ///< records that are not readable as memories: ReadOne says why
  std::size_t nameless = 0;           ///< records so broken that not even their id could be read
  std::optional<std::int64_t> count;  ///< of all pages, at the moment of this one; Mem0 may be wrong about it
  bool linked = false;                ///< Mem0 gives a link to a next page, which need not exist
  bool past_end = false;              ///< Mem0 says that there is no such page
  std::string last_key;               ///< of a table: PageRequest::after of the next page
  bool last = false;  ///< link, count and size all say that this is the last page; good enough for lists of a page or two

  std::size_t Records() const { return memories.size() + unreadable.size() + nameless; }
  bool leads_elsewhere = false;  ///< Mem0's link to the next page names another server; it was not and will not be followed
};

/// What Mem0's list returned for ids that were asked for.
struct ListedMemories {
  std::vector<mappings::Memory> memories;
  std::vector<MemoryId> unreadable;  ///< listed, but not readable as memories: ReadOne says why
  /// Every page was read and they add up, so an id in neither of the above is not in Mem0's list.
  bool complete = false;
};

/// Which page of which memories is read. A source uses `page` or `after`, so the caller keeps both.
struct PageRequest {
  std::optional<Instant> updated_from{};  ///< only memories that changed since then; a table may return a few earlier ones, too
  std::optional<std::string> user{};      ///< only this user's
  int page = 1;                           ///< from 1
  std::string after{};                    ///< MemoryPage::last_key of the page before; empty for the first page
  int size = 200;                         ///< a table chooses its own
};

/// Reads the memories of one project: from Mem0's API (Client), or from the table of a Mem0 of one's own (source::TableRecords).
/// For one thread. Error codes mean the same as in Client.
class Records {
 public:
  Records() = default;
  virtual ~Records() = default;

  /// Tells whether memories may be read now. kUnauthorized: the project is another one than the state knows, or the key is
  /// refused.
  virtual Result<void> Admit() = 0;
  /// Returns an error when the project is another one than the state knows: then nothing may be read, written or withdrawn.
  virtual std::optional<Error> OfOtherProject() = 0;
  /// Reads up to 200 memories at once.
  virtual Result<ListedMemories> ReadMany(const std::vector<MemoryId>& ids) = 0;
  /// kNotFound: there is no such memory. kRowRejected: it is there, and cannot be read.
  virtual Result<mappings::Memory> ReadOne(const MemoryId& id) = 0;
  virtual Result<MemoryPage> ReadPage(const PageRequest& request) = 0;
  /// How long to wait before the next try, when the last error told it.
  virtual std::optional<std::chrono::milliseconds> RetryAfter() const { return std::nullopt; }
  /// How long a call made now would wait for its turn, at least.
  virtual std::chrono::milliseconds NextTurn() const { return std::chrono::milliseconds{0}; }
  /// Whether a read shows everything that was committed before it, as a database does and Mem0's API does not. Then the first
  /// read is final, and a memory that a complete ReadMany() lacks does not exist.
  virtual bool IsExact() const { return false; }

 protected:
  Records(const Records&) = default;
  Records(Records&&) = default;
  Records& operator=(const Records&) = default;
  Records& operator=(Records&&) = default;
};

/// Whether an id has the shape of a UUID. A `memory_ids` filter may hold no other ids.
bool LooksLikeUuid(const std::string& id);

}  // namespace membridge::sync::mem0
