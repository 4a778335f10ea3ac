#include "tests/mem0_sim/paging.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace membridge::mem0_sim {
namespace {

/// A whole number above zero from the query or the body; nothing when it is not there or not one.
std::optional<std::size_t> Number(const Call& call, const char* name, bool& there) {
  const auto text = call.Query(name);
  const nlohmann::json& field = call.Field(name);
  there = text || !field.is_null();
  std::size_t number = 0;
  if (text) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  } else if (field.is_number_unsigned()) {
    number = field.get<std::size_t>();
  }
  return number > 0 ? std::optional{number} : std::nullopt;
}

/// The link to another page of the same listing: every other parameter stays.
std::string Link(const Project& project, const Call& call, std::size_t page, std::size_t size, const char* size_name,
                 bool relative) {
  const std::string& target = call.request.target;
  std::string path = target.substr(0, target.find('?'));
  std::string query = fmt::format("page={}&{}={}", page, size_name, size);
  for (const auto& [name, value] : call.query) {
    if (name != "page" && name != size_name) query += fmt::format("&{}={}", PercentEncoded(name), PercentEncoded(value));
  }
  std::string origin;
  if (project.settings.next_links == "foreign") {
    origin = project.settings.foreign_origin;
  } else if (project.settings.next_links == "absolute" && !relative) {
    origin = "http://" + call.request.Header("Host").value_or("localhost");
  }
  return fmt::format("\"{}{}?{}\"", origin, path, query);
}

}  // namespace

PageAsk PageOf(const Call& call, const char* size_name, std::size_t usual_size, std::size_t largest_size) {
  PageAsk ask;
  bool there = false;
  ask.size = std::min(Number(call, size_name, there).value_or(usual_size), largest_size);
  const auto page = Number(call, "page", there);
  ask.page = page.value_or(1);
  ask.valid = page || !there;
  return ask;
}

Answer Paged(const Project& project, const Call& call, const PageAsk& ask, const char* size_name, std::size_t count,
             const std::function<void(std::string&, std::size_t)>& append, bool relative, const std::string& behind) {
  const std::string& lie = project.settings.list_lie;
  std::size_t page = ask.page;
  if (lie == "repeat") page = 1;
  if (lie == "clamp") page = std::min(page, std::max<std::size_t>((count + ask.size - 1) / ask.size, 1));
  const bool hollow = lie == "hollow" && page % 2 == 0;
  if (lie == "hollow") page = (page + 1) / 2;
  std::size_t first = (page - 1) * ask.size;
  if (lie == "endless") first = std::min(first, count);
  if (!ask.valid || (first >= count && page > 1 && lie != "endless")) return WithStatus(404, {{"detail", "Invalid page."}});
  const std::size_t end = hollow ? first : std::min(first + ask.size, count);
  const bool more = lie == "repeat" || lie == "clamp" || lie == "endless" || (end < count && lie != "unlinked");
  const std::string next = more ? Link(project, call, ask.page + 1, ask.size, size_name, relative) : "null";
  const std::string previous = ask.page > 1 ? Link(project, call, ask.page - 1, ask.size, size_name, relative) : "null";
  Answer answer;
  answer.body = fmt::format(R"({{"count":{},"next":{},"previous":{},"results":[)",
                            static_cast<std::int64_t>(count) + project.settings.list_count_off, next, previous);
  for (std::size_t place = first; place < end; ++place) {
    if (place != first) answer.body += ',';
    append(answer.body, place);
  }
  answer.body += ']' + behind + '}';
  return answer;
}

}  // namespace membridge::mem0_sim
