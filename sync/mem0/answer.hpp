#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/result.hpp"

namespace membridge::sync::mem0 {

/// How deep an answer may nest. Mem0's own objects need five levels; metadata is the caller's.
inline constexpr int kDeepest = 100;

/// Parses an answer; numbers keep their digits (mappings/base/exact_json.hpp). kRefused when it is not JSON or nests deeper than
/// kDeepest; the message does not quote the text.
Result<nlohmann::json> ParseJson(std::string_view text);

/// A page of a list.
struct ListAnswer {
  std::vector<nlohmann::json> results;  ///< those that could be read
  /// The `id` of each record that is not valid JSON (NaN, broken UTF-8, too deep); empty for one without an id.
  std::vector<std::string> broken;
  std::optional<std::int64_t> count;  ///< of all pages, where Mem0 tells it
  std::optional<std::string> next;    ///< the link to the next page, as it came; never follow it, see Client

  std::size_t Records() const { return results.size() + broken.size(); }
};

/// Reads `{"count","next","results":[…]}` or a bare array. When the whole does not parse, it parses the records one by one, so
/// that one bad record does not lose the others. It searches the text of a bad record for its id.
Result<ListAnswer> ParseList(std::string_view text);

/// A member as text; nothing when it is missing, null or something else.
std::optional<std::string> TextAt(const nlohmann::json& object, const char* key);

}  // namespace membridge::sync::mem0
