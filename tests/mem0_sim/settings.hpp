#pragma once

#include <map>
#include <nlohmann/json.hpp>
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
  std::map<std::string, std::string> categories_by_word;  ///< …when its text contains a word: word to category
};

/// Changes what `json` names; the other half says what is wrong with it.
tl::expected<Settings, std::string> Changed(Settings settings, const nlohmann::json& json);
nlohmann::json ObjectOf(const Settings& settings);

}  // namespace membridge::mem0_sim
