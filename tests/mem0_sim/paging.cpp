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
             const std::function<void(std::string&, std::size_t)>& append, bool relative, const std::string& more) {
  const std::size_t first = (ask.page - 1) * ask.size;
  if (!ask.valid || (first >= count && ask.page > 1)) return WithStatus(404, {{"detail", "Invalid page."}});
  const std::size_t end = std::min(first + ask.size, count);
  const std::string next = end < count ? Link(project, call, ask.page + 1, ask.size, size_name, relative) : "null";
  const std::string previous = ask.page > 1 ? Link(project, call, ask.page - 1, ask.size, size_name, relative) : "null";
  Answer answer;
  answer.body = fmt::format(R"({{"count":{},"next":{},"previous":{},"results":[)", count, next, previous);
  for (std::size_t place = first; place < end; ++place) {
    if (place != first) answer.body += ',';
    append(answer.body, place);
  }
  answer.body += ']' + more + '}';
  return answer;
}

}  // namespace membridge::mem0_sim
