#include "admin/api/counted_actions.hpp"

#include <string>

namespace membridge::admin::api {

tl::expected<Intent, Problem> IntentOf(const nlohmann::json& body) {
  const bool counts = body.value("dry_run", false);
  if (counts != body.contains("expected_count")) return counts ? Intent::kCount : Intent::kAct;
  return Refuse(400, "count_first", "either dry_run: true or expected_count is needed",
                "ask with dry_run: true, then send the count it answers as expected_count");
}

std::optional<Problem> Outgrown(const nlohmann::json& body, std::size_t count) {
  if (count <= body["expected_count"].get<std::size_t>()) return std::nullopt;
  return Problem{.status = 409,
                 .code = "count_changed",
                 .message = std::to_string(count) + " are meant by now, more than expected",
                 .hint = "look again, then send the new count",
                 .count = count};
}

}  // namespace membridge::admin::api
