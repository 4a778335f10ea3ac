#include "sync/mem0/answer.hpp"

#include <algorithm>
#include <utility>

#include "mappings/base/exact_json.hpp"

namespace membridge::sync::mem0 {
namespace {

using nlohmann::json;

/// Walks JSON text only to find where values begin and end; does not check anything else.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// Steps over one character, or over a whole string, and keeps the depth.
  void Step() {
    const char c = text_[at_++];
    if (c == '[' || c == '{') ++depth_;
    if (c == ']' || c == '}') --depth_;
    if (c != '"') return;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2U : 1U;
    at_ = std::min(at_ + 1, text_.size());
  }
  bool AtEnd() const { return at_ >= text_.size(); }
  char Here() const { return text_[at_]; }
  std::size_t At() const { return at_; }
  int Depth() const { return depth_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

bool TooDeep(std::string_view text) {
  for (Scanner scan{text}; !scan.AtEnd(); scan.Step()) {
    if (scan.Depth() > kDeepest) return true;
  }
  return false;
}

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Finds the `results` array inside a page, or the array that is the page. Returns the envelope around it with `null` in its
/// place.
std::string_view ArrayIn(std::string_view text, std::string& envelope) {
  Scanner scan{text};
  while (!scan.AtEnd() && IsSpace(scan.Here())) scan.Step();
  if (!scan.AtEnd() && scan.Here() == '[') return text.substr(scan.At());
  std::size_t begin = std::string_view::npos;
  std::string_view key;
  while (!scan.AtEnd()) {
    const std::size_t before = scan.At();
    if (begin == std::string_view::npos && scan.Depth() == 1 && scan.Here() == '[' && key == "\"results\"") begin = before;
    const bool string = scan.Here() == '"' && scan.Depth() == 1;
    scan.Step();
    if (string) key = text.substr(before, scan.At() - before);
    if (begin != std::string_view::npos && scan.Depth() == 1) {
      envelope = std::string{text.substr(0, begin)} + "null" + std::string{text.substr(scan.At())};
      return text.substr(begin, scan.At() - begin);
    }
  }
  return {};
}

/// Finds the `id` of a record that is not valid JSON; empty when there is none.
std::string IdIn(std::string_view record) {
  Scanner scan{record};
  std::string_view before_last, last;  // the newest two tokens of the record's own level
  while (!scan.AtEnd()) {
    const std::size_t begin = scan.At();
    const bool own = scan.Depth() == 1 && !IsSpace(scan.Here());
    scan.Step();
    const std::string_view token = record.substr(begin, scan.At() - begin);
    if (!own) continue;
    if (before_last == "\"id\"" && last == ":" && token.size() > 2 && token.front() == '"' && token.back() == '"' &&
        token.find('\\') == std::string_view::npos) {
      return std::string{token.substr(1, token.size() - 2)};
    }
    before_last = std::exchange(last, token);
  }
  return {};
}

void ParseOneByOne(std::string_view array, ListAnswer& list) {
  const auto add = [&list](std::string_view element) {
    if (element.find_first_not_of(" \t\r\n") == std::string_view::npos) return;
    if (auto record = ParseJson(element)) {
      list.results.push_back(std::move(*record));
    } else {
      list.broken.push_back(IdIn(element));
    }
  };
  Scanner scan{array};
  scan.Step();
  std::size_t begin = scan.At();
  while (!scan.AtEnd()) {
    const std::size_t before = scan.At();
    const bool separator = scan.Depth() == 1 && (scan.Here() == ',' || scan.Here() == ']');
    scan.Step();
    if (separator) {
      add(array.substr(begin, before - begin));
      begin = scan.At();
    }
    if (scan.Depth() == 0) return;
  }
}

void ReadEnvelope(const json& page, ListAnswer& list) {
  if (const auto count = page.find("count"); count != page.end() && count->is_number_integer())
    list.count = count->get<std::int64_t>();
  list.next = TextAt(page, "next");
}

}  // namespace

Result<json> ParseJson(std::string_view text) {
  if (TooDeep(text)) return Fail(ErrorCode::kRefused, "the answer nests too deeply");
  json value = mappings::ParseExact(text);
  if (value.is_discarded()) return Fail(ErrorCode::kRefused, "the answer is not JSON");
  return value;
}

Result<ListAnswer> ParseList(std::string_view text) {
  ListAnswer list;
  if (auto whole = ParseJson(text)) {
    if (whole->is_array()) {
      list.results = std::move(whole->get_ref<json::array_t&>());
      return list;
    }
    if (!whole->is_object() || !whole->contains("results") || !whole->at("results").is_array()) {
      return Fail(ErrorCode::kRefused, "the answer is not a list");
    }
    list.results = std::move(whole->at("results").get_ref<json::array_t&>());
    ReadEnvelope(*whole, list);
    return list;
  }
  std::string envelope;
  const std::string_view array = ArrayIn(text, envelope);
  if (array.empty()) return Fail(ErrorCode::kRefused, "the answer is not a list");
  if (!envelope.empty()) {
    const auto page = ParseJson(envelope);
    if (!page) return tl::unexpected<Error>(page.error());
    ReadEnvelope(*page, list);
  }
  ParseOneByOne(array, list);
  return list;
}

std::optional<std::string> TextAt(const json& object, const char* key) {
  if (!object.is_object()) return std::nullopt;
  const auto member = object.find(key);
  if (member == object.end() || !member->is_string()) return std::nullopt;
  return member->get<std::string>();
}

}  // namespace membridge::sync::mem0
