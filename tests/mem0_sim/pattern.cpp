#include "tests/mem0_sim/pattern.hpp"

#include <string_view>

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

/// A text with holes: `{i}` for the number of a memory, `{u}` for that of its user.
std::string Filled(const std::string& pattern, const std::string& memory, const std::string& user) {
  std::string filled;
  for (std::size_t place = 0; place < pattern.size();) {
    const auto hole = pattern.find('{', place);
    filled.append(pattern, place, hole - place);
    if (hole == std::string::npos) break;
    const std::string_view name = std::string_view{pattern}.substr(hole, 3);
    if (name == "{i}" || name == "{u}") {
      filled += name == "{i}" ? memory : user;
      place = hole + name.size();
    } else {
      filled += '{';
      place = hole + 1;
    }
  }
  return filled;
}

}  // namespace

NewMemory Pattern::Make(std::size_t memory, std::size_t user) const {
  const std::string i = std::to_string(memory);
  const std::string u = std::to_string(user);
  NewMemory made;
  made.text = Filled(text, i, u);
  made.owners[static_cast<std::size_t>(EntityType::kUser)] = Filled(user_id, i, u);
  made.metadata = Filled(metadata, i, u);
  made.categories = categories;
  if (made.categories) {
    for (std::string& label : *made.categories) label = Filled(label, i, u);
  }
  return made;
}

tl::expected<Pattern, std::string> PatternIn(const Json& request) {
  try {
    Pattern pattern{request.value("text", "Fact {i} about user {u}"),
                    request.value("user_id", "user-{u}"),
                    MetadataText(request.value("metadata", Json{})),
                    {}};
    if (request.contains("categories")) pattern.categories = request.at("categories").get<std::vector<std::string>>();
    return pattern;
  } catch (const Json::exception& wrong) {
    return tl::unexpected{std::string{wrong.what()}};
  }
}

}  // namespace membridge::mem0_sim
