#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tl/expected.hpp>

namespace membridge::mem0_sim {

/// Where Mem0's documentation leaves room, or where tests want the awkward variant.
struct Settings {
  std::string next_links = "absolute";  ///< or `relative`, or `foreign`: links that lead to another host
  std::string foreign_origin = "https://elsewhere.example";
  bool shuffle_pages = false;  ///< every list call has an order of its own
  bool entities_bare = false;  ///< the entity list as older servers gave it: a bare array
  int entities_page_size = 100;
  bool categorize_touches_updated_at = false;
  bool bulk_deletes_announced = true;      ///< whether batch, filtered, entity and cascading deletes emit webhooks
  bool metadata_updates_announced = true;  ///< whether an update without text emits a webhook
  std::string deleted_text = "last";       ///< `data` of a DELETE holds the `last` text, is `empty`, or is `absent`
  int infer_ms = 20;                       ///< how long an inferring add takes
  int bulk_delete_ms = 20;                 ///< how long an asynchronous delete takes to begin
  int categorize_ms = 20;                  ///< how long after its ADD a memory is categorised by itself
  /// How paged lists lie: `repeat` (the first page whatever is asked for, and always a link), `clamp` (the last page again behind
  /// the end, and always a link), `hollow` (every second page is empty), `endless` (empty pages with links behind the end),
  /// `unlinked` (no link though there is more). Empty: they do not.
  std::string list_lie;
  int list_count_off = 0;                          ///< how far counts of lists are off
  std::map<std::string, std::string> raw_records;  ///< by memory id: the text that lists and single reads give in its place
  std::string raw_export;                          ///< the text that every export that is ready gives; empty: its own
  std::set<std::string> webhooks_ignore;           ///< `create`, `update`, `delete`: answered as if done, and not done
  std::map<std::string, std::string> categories_by_word;  ///< …when its text contains a word: word to category
};

/// Changes what `json` names; the other half says what is wrong with it.
tl::expected<Settings, std::string> Changed(Settings settings, const nlohmann::json& json);
nlohmann::json ObjectOf(const Settings& settings);

}  // namespace membridge::mem0_sim
