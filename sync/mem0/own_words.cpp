#include "sync/mem0/own_words.hpp"

#include <string_view>
#include <utility>

namespace membridge::sync::mem0 {

std::vector<Refusal> OwnRefusals(std::vector<Refusal> more) {
  more.push_back({400, "", ""});
  more.push_back({422, "", ""});
  return more;
}

std::vector<Refusal> OwnRefusalsOfList(int page) {
  return page > 1 ? OwnRefusals({{404, "detail", "Invalid page"}}) : OwnRefusals();
}

bool LooksLikeList(const Answer& answer) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = answer.body.find_first_not_of(kSpace);
  if (begin == std::string::npos) return false;
  return answer.body[begin] == '[' || (answer.body[begin] == '{' && answer.body.find("\"results\"") != std::string::npos);
}

}  // namespace membridge::sync::mem0
