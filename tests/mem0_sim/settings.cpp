#include "tests/mem0_sim/settings.hpp"

#include <set>

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

/// Calls `visit(name, member)` for every setting, so that reading and showing cannot disagree.
template <class AnySettings, class Visit>
void ForEach(AnySettings& settings, Visit visit) {
  visit("next_links", settings.next_links);
  visit("foreign_origin", settings.foreign_origin);
  visit("shuffle_pages", settings.shuffle_pages);
  visit("entities_bare", settings.entities_bare);
  visit("entities_page_size", settings.entities_page_size);
  visit("categorize_touches_updated_at", settings.categorize_touches_updated_at);
  visit("bulk_deletes_announced", settings.bulk_deletes_announced);
  visit("metadata_updates_announced", settings.metadata_updates_announced);
  visit("deleted_text", settings.deleted_text);
  visit("infer_ms", settings.infer_ms);
  visit("bulk_delete_ms", settings.bulk_delete_ms);
  visit("categorize_ms", settings.categorize_ms);
  visit("categories_by_word", settings.categories_by_word);
  visit("list_lie", settings.list_lie);
  visit("list_count_off", settings.list_count_off);
  visit("raw_records", settings.raw_records);
  visit("raw_export", settings.raw_export);
  visit("webhooks_ignore", settings.webhooks_ignore);
}

}  // namespace

tl::expected<Settings, std::string> Changed(Settings settings, const Json& json) {
  std::set<std::string> known;
  try {
    ForEach(settings, [&](const char* name, auto& member) {
      known.insert(name);
      if (json.contains(name)) json.at(name).get_to(member);
    });
  } catch (const Json::exception& wrong) {
    return tl::unexpected{std::string{wrong.what()}};
  }
  for (const auto& [name, _] : json.items()) {
    if (known.count(name) == 0) return tl::unexpected{"unknown setting: " + name};
  }
  if (std::set<std::string>{"absolute", "relative", "foreign"}.count(settings.next_links) == 0)
    return tl::unexpected{std::string{"next_links: unknown value"}};
  if (std::set<std::string>{"last", "empty", "absent"}.count(settings.deleted_text) == 0)
    return tl::unexpected{std::string{"deleted_text: unknown value"}};
  if (std::set<std::string>{"", "repeat", "clamp", "hollow", "endless", "unlinked"}.count(settings.list_lie) == 0)
    return tl::unexpected{std::string{"list_lie: unknown value"}};
  if (settings.entities_page_size < 1) return tl::unexpected{std::string{"entities_page_size must be above zero"}};
  return settings;
}

Json ObjectOf(const Settings& settings) {
  Json shown = Json::object();
  ForEach(settings, [&](const char* name, const auto& member) { shown[name] = member; });
  return shown;
}

}  // namespace membridge::mem0_sim
