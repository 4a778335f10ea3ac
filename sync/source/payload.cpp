#include "sync/source/payload.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "mappings/base/exact_json.hpp"
#include "mappings/base/time.hpp"

namespace membridge::sync::source {
namespace {

using nlohmann::json;

/// A field of a record, and the keys that hold it in a payload; the first that is not null counts.
struct Field {
  const char* name;
  std::array<const char*, 2> keys;
};
constexpr std::array<Field, 11> kFields{{{"memory", {"data", "data"}},
                                         {"user_id", {"user_id", "userId"}},
                                         {"agent_id", {"agent_id", "agentId"}},
                                         {"run_id", {"run_id", "runId"}},
                                         {"actor_id", {"actor_id", "actorId"}},
                                         {"role", {"role", "role"}},
                                         {"hash", {"hash", "hash"}},
                                         {"attributed_to", {"attributed_to", "attributedTo"}},
                                         {"created_at", {"created_at", "createdAt"}},
                                         {"updated_at", {"updated_at", "updatedAt"}},
                                         {"expiration_date", {"expiration_date", "expirationDate"}}}};
constexpr std::array<const char*, 4> kMem0sOwn{"text_lemmatized", "textLemmatized", "linked_memory_ids", "linkedMemoryIds"};
constexpr const char* kBeforeAll = "1970-01-01T00:00:00.000000Z";

const std::set<std::string>& KnownKeys() {
  static const std::set<std::string> known = [] {
    std::set<std::string> keys{kMem0sOwn.begin(), kMem0sOwn.end()};
    for (const Field& field : kFields) keys.insert(field.keys.begin(), field.keys.end());
    return keys;
  }();
  return known;
}

/// Seconds, or milliseconds, since 1970.
std::optional<Instant> SinceEpoch(double number) {
  constexpr double kLargestSeconds = 1e11;
  constexpr double kLargestMillis = 1e14;
  if (!(number >= 0) || number >= kLargestMillis) return std::nullopt;
  const double seconds = number < kLargestSeconds ? number : number / 1000;
  return Instant{} + std::chrono::microseconds{static_cast<std::int64_t>(seconds * 1e6)};
}

/// A day or a number since 1970 as the time that the Platform would write. Everything else stays, and is refused when it is none.
json TimeOf(const json& value) {
  std::optional<Instant> time;
  if (value.is_number()) {
    time = SinceEpoch(value.get<double>());
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (ParseRfc3339(text)) return value;
    time = ParseRfc3339(text + "T00:00:00Z");
  }
  return time ? json(FormatRfc3339(*time)) : value;
}

}  // namespace

Result<mappings::Memory> MemoryFromRow(const std::string& id, std::string_view payload) {
  const json given = mappings::ParseExact(payload);
  if (given.is_discarded()) return Fail(ErrorCode::kRefused, "the row's payload is not JSON that can be read");
  if (!given.is_object())
    return Fail(ErrorCode::kRefused, std::string{"the row's payload is "} + mappings::KindOf(given) + ", not an object");
  json record{{"id", id}, {"metadata", json::object()}};
  for (const Field& field : kFields) {
    for (const char* key : field.keys) {
      const auto found = given.find(key);
      if (found == given.end() || found->is_null()) continue;
      const bool is_time = std::string_view{field.name}.ends_with("_at");
      record[field.name] = is_time ? TimeOf(*found) : *found;
      break;
    }
  }
  for (const auto& [key, value] : given.items()) {
    if (!KnownKeys().contains(key)) record["metadata"][key] = value;
  }
  if (!record.contains("created_at") && !record.contains("updated_at")) record["created_at"] = kBeforeAll;
  return mappings::ReadMemory(record);
}

}  // namespace membridge::sync::source
