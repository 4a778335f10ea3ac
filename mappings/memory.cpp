#include "mappings/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "mappings/base/digest.hpp"
#include "mappings/base/exact_json.hpp"
#include "mappings/base/letter_case.hpp"

namespace membridge::mappings {
namespace {

using nlohmann::json;

Result<std::optional<std::string>> TakeText(const json& answer, const char* field) {
  const auto found = answer.find(field);
  if (found == answer.end() || found->is_null()) return std::optional<std::string>{};
  if (!found->is_string()) {
    return Fail(ErrorCode::kRefused, fmt::format("the memory's \"{}\" is {}, not text", field, KindOf(*found)));
  }
  return std::optional<std::string>{found->get<std::string>()};
}

Result<Instant> TakeUpdatedAt(const json& answer) {
  for (const char* field : {"updated_at", "created_at"}) {
    const auto text = TakeText(answer, field);
    if (!text) return tl::unexpected<Error>(text.error());
    if (!*text) continue;
    if (const auto instant = ParseRfc3339(**text)) return *instant;
    return Fail(ErrorCode::kRefused, fmt::format("the memory's \"{}\" is not a time", field));
  }
  return Fail(ErrorCode::kRefused, "the memory has neither \"updated_at\" nor \"created_at\"");
}

/// Reads a day (`2026-12-31`) or the day of a time. Mem0 documents the first form; other clients send it the second.
std::optional<Day> DayOf(const std::string& text) {
  if (const auto day = ParseDay(text)) return day;
  if (const auto instant = ParseRfc3339(text)) return std::chrono::floor<std::chrono::days>(*instant);
  return std::nullopt;
}

bool IsOver(const json& answer) {
  const auto state = answer.find("lifecycle_state");
  if (state == answer.end() || !state->is_string()) return false;
  const std::string word = LoweredAscii(state->get_ref<const std::string&>());
  return word == "superseded" || word == "merged";
}

std::string WithoutNul(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '\0'), text.end());
  return text;
}

/// The recursion is safe, because the callers have checked the depth.
json Stripped(const json& value) {
  if (value.is_string()) return WithoutNul(value.get_ref<const std::string&>());
  if (value.is_array()) {
    json list = json::array();
    for (const json& element : value) list.push_back(Stripped(element));
    return list;
  }
  if (value.is_object()) {
    json object = json::object();
    for (const auto& [name, member] : value.items()) object[WithoutNul(name)] = Stripped(member);
    return object;
  }
  return value;
}

}  // namespace

bool IsDeeperThan(const json& value, std::size_t levels) {
  std::vector<std::pair<const json*, std::size_t>> open{{&value, 1}};
  while (!open.empty()) {
    const auto [node, level] = open.back();
    open.pop_back();
    if (!node->is_structured()) continue;
    if (level > levels) return true;
    for (const json& child : *node) open.emplace_back(&child, level + 1);
  }
  return false;
}

Result<json> Storable(const json& value) {
  if (IsDeeperThan(value, kDeepestRecord)) {
    return Fail(ErrorCode::kRefused, fmt::format("the record is nested deeper than {} levels", kDeepestRecord));
  }
  return Stripped(value);
}

bool Memory::IsLive(Day today) const {
  return !superseded && (!expires_on || today <= *expires_on);
}

Result<Memory> ReadMemory(const json& answer) {
  if (!answer.is_object()) return Fail(ErrorCode::kRefused, fmt::format("the memory is {}, not an object", KindOf(answer)));
  auto record = Storable(answer);
  if (!record) return tl::unexpected<Error>(record.error());

  Memory memory;
  for (const char* field : {"id", "memory", "user_id", "expiration_date", "replaced_by"}) {
    if (const auto text = TakeText(*record, field); !text) return tl::unexpected<Error>(text.error());
  }
  const std::string id = record->value("id", json()).is_string() ? record->at("id").get<std::string>() : "";
  if (id.empty()) return Fail(ErrorCode::kRefused, "the memory has no \"id\"");
  memory.id = MemoryId{id};

  const auto updated_at = TakeUpdatedAt(*record);
  if (!updated_at) return tl::unexpected<Error>(updated_at.error());
  memory.updated_at = *updated_at;

  if (const auto expires = *TakeText(*record, "expiration_date"); expires && !expires->empty()) {
    memory.expires_on = DayOf(*expires);
    if (!memory.expires_on) return Fail(ErrorCode::kRefused, "the memory's \"expiration_date\" is not a day");
  }
  memory.user_id = *TakeText(*record, "user_id");
  const auto replaced_by = *TakeText(*record, "replaced_by");
  memory.superseded = (replaced_by && !replaced_by->empty() && *replaced_by != id) || IsOver(*record);

  const auto text = record->find("memory");
  if (text != record->end() && !text->is_null()) (*record)["text"] = *text;
  const auto run = record->find("run_id");
  const auto session = record->find("session_id");
  const bool run_known = run != record->end() && !run->is_null();
  if (!run_known && session != record->end()) (*record)["run_id"] = *session;
  memory.record = std::move(*record);
  return memory;
}

std::string DigestOf(const Memory& memory) {
  if (memory.record.contains("lifecycle_state")) {
    Memory listed = memory;
    listed.record.erase("lifecycle_state");
    return DigestOf(listed);
  }
  return Sha256Hex(ExactText(memory.record));
}

}  // namespace membridge::mappings
