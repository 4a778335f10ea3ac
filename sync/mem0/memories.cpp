#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "sync/mem0/answer.hpp"
#include "sync/mem0/client.hpp"
#include "sync/mem0/complaint.hpp"
#include "sync/mem0/own_words.hpp"
#include "sync/mem0/paths.hpp"
#include "sync/mem0/wire.hpp"

namespace membridge::sync::mem0 {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestId = 128;
constexpr int kHistoryPage = 100;

bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
char ToLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), ToLower);
  return text;
}

// Mem0's own texts when it refuses these calls.
const std::vector<Refusal> kNoSuchMemory = {{404, "error", "Memory not found"},
                                            {400, "error", "memory_id should be a valid UUID"}};

/// The text without spaces at its ends.
std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// Whether an answer is about this memory: a complete object that names the id. It need not be readable as a memory.
bool SpeaksOf(const MemoryId& id, const Answer& answer) {
  const std::string_view text = Trimmed(answer.body);
  if (!text.starts_with('{') || !text.ends_with('}')) return false;
  const std::string named = '"' + id.Text() + '"';
  return std::search(text.begin(), text.end(), named.begin(), named.end(),
                     [](char one, char other) { return ToLower(one) == ToLower(other); }) != text.end();
}

/// Ids come from deliveries, which can be forged. An id that could lead to another address than a memory's is never sent.
bool MayBeAnId(const MemoryId& id) {
  const std::string& text = id.Text();
  return !text.empty() && text.size() <= kLongestId && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (ToLower(c) >= 'a' && ToLower(c) <= 'z') || c == '-' || c == '_';
  });
}

tl::unexpected<Error> NoId(std::string_view name) {
  return Fail(ErrorCode::kRefused, fmt::format("{}: no memory can have this id", name));
}

/// Mem0 has this memory, but we cannot read it. This must differ from an id that Mem0 refuses.
tl::unexpected<Error> Unreadable(Error error) {
  error.code = ErrorCode::kRowRejected;
  return tl::unexpected<Error>(std::move(error));
}

bool IsPastTheEnd(const Error& error, int page) {
  return error.code == ErrorCode::kNotFound && page > 1;
}

/// Without a first page we are not talking to Mem0's list at all. This must not count as "no memories".
Error NoSuchList(Error error) {
  if (error.code == ErrorCode::kNotFound) error = {ErrorCode::kUnavailable, error.message, "is base_url right?"};
  return error;
}

bool IsLastPage(const ListAnswer& list, int page, int page_size) {
  if (list.Records() == 0) return true;
  if (list.next) return false;
  return !list.count || static_cast<std::int64_t>(page) * page_size >= *list.count ||
         list.Records() < static_cast<std::size_t>(page_size);
}

}  // namespace

bool LooksLikeUuid(const std::string& id) {
  if (id.size() != 36) return false;
  for (std::size_t at = 0; at < id.size(); ++at) {
    const bool dash = at == 8 || at == 13 || at == 18 || at == 23;
    if (dash ? id[at] != '-' : !IsHexDigit(id[at])) return false;
  }
  return true;
}

Result<MemoryPage> Client::ListMemories(const Filter& filter, int page, int page_size) {
  Request request{
      .name = "list_memories", .method = "POST", .path = paths::ListMemories(page, page_size), .subject = Subject::kMemories};
  request.body = json{{"filters", filter.Document()}, {"show_expired", true}, {"include_merged", true}};
  request.refusals = OwnRefusalsOfList(page);
  request.is_mem0s = LooksLikeList;
  const auto answer = wire_->Call(request);
  MemoryPage result;
  if (!answer && IsPastTheEnd(answer.error(), page)) {
    result.past_end = result.last = true;
    return result;
  }
  if (!answer) return tl::unexpected<Error>(NoSuchList(answer.error()));
  auto list = ParseList(answer->body);
  // Mem0 can always answer a list, so the next try may bring a readable answer.
  if (!list)
    return Fail(ErrorCode::kUnavailable, "list_memories: " + list.error().message,
                "is base_url right, and is there a proxy in between?");

  result.count = list->count;
  result.linked = list->next.has_value();
  const bool counted_out = list->count && static_cast<std::int64_t>(page) * page_size >= *list->count;
  const bool ends_here = !list->count || list->Records() < static_cast<std::size_t>(page_size);
  result.last = counted_out || (!result.linked && ends_here);
  result.leads_elsewhere = list->next && wire_->LeadsElsewhere(*list->next);
  const auto cannot_read = [&](const std::optional<std::string>& id) {
    if (id && MayBeAnId(MemoryId{*id})) {
      result.unreadable.emplace_back(*id);
    } else {
      ++result.nameless;
    }
  };
  for (const std::string& id : list->broken) cannot_read(id);
  for (const json& record : list->results) {
    if (auto memory = mappings::ReadMemory(record); memory && MayBeAnId(memory->id)) {
      result.memories.push_back(std::move(*memory));
    } else {
      cannot_read(TextAt(record, "id"));
    }
  }
  return result;
}

Result<MemoryPage> Client::ReadPage(const PageRequest& request) {
  Filter filter = request.user ? Filter::OfUser(*request.user) : Filter::Everything();
  if (request.updated_from) filter.UpdatedFrom(*request.updated_from);
  return ListMemories(filter, request.page, request.size);
}

Result<ListedMemories> Client::ReadMany(const std::vector<MemoryId>& ids) {
  ListedMemories listed;
  if (ids.empty()) return listed;
  if (ids.size() > static_cast<std::size_t>(kLargestPage))
    return Fail(ErrorCode::kRefused, "list_memories: more than 200 ids at once");
  std::set<std::string> asked;
  for (const MemoryId& id : ids) {
    if (!LooksLikeUuid(id.Text())) return NoId("list_memories");
    asked.insert(Lower(id.Text()));
  }
  const Filter filter = Filter::Everything().Among(ids);
  std::set<std::string> met;
  std::size_t records = 0;
  std::optional<std::int64_t> count;
  bool adds_up = true;
  bool ended = false;
  // The bound allows one record per page, and ends with a server whose pages bring nothing.
  const int most_pages = static_cast<int>(ids.size()) + 1;
  for (int page = 1; page <= most_pages && met.size() < asked.size(); ++page) {
    auto found = ListMemories(filter, page);
    if (!found) return tl::unexpected<Error>(found.error());
    if (found->past_end) {
      ended = true;
      break;
    }
    const std::size_t before = met.size();
    records += found->Records();
    count = found->count;
    adds_up = adds_up && found->nameless == 0;
    for (mappings::Memory& memory : found->memories) {
      // Drops memories that were not asked for, since a server that ignores the filter would return the whole project. Takes a
      // memory that comes on two pages once.
      const std::string id = Lower(memory.id.Text());
      if (!asked.contains(id)) {
        adds_up = false;
      } else if (met.insert(id).second) {
        listed.memories.push_back(std::move(memory));
      }
    }
    for (const MemoryId& id : found->unreadable) {
      if (!asked.contains(Lower(id.Text()))) {
        adds_up = false;
      } else if (met.insert(Lower(id.Text())).second) {
        listed.unreadable.push_back(id);
      }
    }
    const bool more = found->linked || (count && static_cast<std::int64_t>(records) != *count);
    ended = page > 1 && met.size() == before;  // the page brought nothing new
    if (!more || ended) break;
  }
  // A count above the number asked for, or below the number listed, is wrong. Then the end of the list decides instead.
  const auto listed_so_far = static_cast<std::int64_t>(met.size());
  const bool can_be_right = count && *count >= listed_so_far && *count <= static_cast<std::int64_t>(asked.size());
  listed.complete =
      met.size() == asked.size() || (adds_up && count.has_value() && (can_be_right ? *count == listed_so_far : ended));
  return listed;
}

Result<mappings::Memory> Client::ReadOne(const MemoryId& id) {
  if (!MayBeAnId(id)) return NoId("read_memory");
  Request request{.name = "read_memory", .path = paths::Memory(id), .subject = Subject::kMemories};
  request.refusals = kNoSuchMemory;
  request.is_mem0s = [&id](const Answer& answer) { return SpeaksOf(id, answer); };
  const auto answer = wire_->Call(request);
  const bool too_large = !answer && answer.error().code == ErrorCode::kRefused && LastFailure().status == 0;
  if (too_large) return Unreadable(answer.error());
  if (!answer) return tl::unexpected<Error>(answer.error());
  const auto record = ParseJson(answer->body);
  if (!record) return Unreadable(Within(record.error(), "read_memory").value());
  auto memory = mappings::ReadMemory(*record);
  if (!memory) return Unreadable(Within(memory.error(), "read_memory").value());
  if (Lower(memory->id.Text()) != Lower(id.Text()))
    return Fail(ErrorCode::kUnavailable, "read_memory: Mem0 answered with another memory");
  return memory;
}

Result<std::vector<json>> Client::History(const MemoryId& id) {
  if (!MayBeAnId(id)) return NoId("read_history");
  const auto answer = wire_->Call({.name = "read_history",
                                   .path = paths::MemoryHistory(id),
                                   .subject = Subject::kMemories,
                                   .refusals = kNoSuchMemory,
                                   .is_mem0s = LooksLikeList});
  if (!answer) return tl::unexpected<Error>(answer.error());
  auto list = ParseList(answer->body);
  if (!list) return Within(list.error(), "read_history");
  return std::move(list->results);
}

Result<HistoryPage> Client::ProjectHistory(int page) {
  const auto answer = wire_->Call({.name = "project_history",
                                   .path = paths::ProjectHistory(page, kHistoryPage),
                                   .subject = Subject::kMemories,
                                   .refusals = OwnRefusalsOfList(page),
                                   .is_mem0s = LooksLikeList});
  if (!answer && IsPastTheEnd(answer.error(), page)) return HistoryPage{};
  if (!answer) return tl::unexpected<Error>(NoSuchList(answer.error()));
  auto list = ParseList(answer->body);
  if (!list) return Within(list.error(), "project_history");
  const bool last = IsLastPage(*list, page, kHistoryPage);
  return HistoryPage{std::move(list->results), last};
}

Result<MemoryId> Client::AddMemory(const std::string& text, const std::string& user, const json& metadata) {
  Request request{
      .name = "add_memory", .method = "POST", .path = paths::AddMemories(), .subject = Subject::kMemories, .creates = true};
  request.body = json{{"messages", json::array({json{{"role", "user"}, {"content", text}}})},
                      {"user_id", user},
                      {"metadata", metadata},
                      {"infer", false}};
  const auto answer = wire_->CallForJson(request);
  if (!answer) return tl::unexpected<Error>(answer.error());
  if (answer->is_object() && answer->contains("results") && answer->at("results").is_array() && !answer->at("results").empty()) {
    if (auto id = TextAt(answer->at("results").front(), "id")) return MemoryId{std::move(*id)};
  }
  return Fail(ErrorCode::kRefused, "add_memory: the answer names no memory");
}

Result<void> Client::DeleteMemory(const MemoryId& id) {
  if (!MayBeAnId(id)) return NoId("delete_memory");
  const auto answer = wire_->Call({.name = "delete_memory",
                                   .method = "DELETE",
                                   .path = paths::Memory(id),
                                   .subject = Subject::kMemories,
                                   .refusals = kNoSuchMemory});
  if (!answer) return tl::unexpected<Error>(answer.error());
  return {};
}

}  // namespace membridge::sync::mem0
