#include "sync/mem0/complaint.hpp"

#include <nlohmann/json.hpp>
#include <vector>

#include "mappings/base/utf8.hpp"
#include "sync/mem0/answer.hpp"

namespace membridge::sync::mem0 {
namespace {

using nlohmann::json;

constexpr std::size_t kFields = 20;  // more would make the message too long to help

/// How many bytes the UTF-8 character at the start of `text` has; 0 when it is invalid.
std::size_t CharacterAt(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return mappings::FirstBadByte(text.substr(0, size)) == std::string_view::npos ? size : 0;
}

/// Joins all texts inside a value, each behind its field's name: `["a", {"url": ["b"]}]` is "a; url: b".
void Collect(const json& value, std::string& text) {
  if (text.size() > kComplaintBytes) return;
  const auto separate = [&text] {
    if (!text.empty() && !text.ends_with(": ")) text += "; ";
  };
  if (value.is_string()) {
    separate();
    text += value.get_ref<const std::string&>();
  } else if (value.is_array()) {
    for (const json& element : value) Collect(element, text);
  } else if (value.is_object()) {
    for (const auto& [key, element] : value.items()) {
      std::string inner;
      Collect(element, inner);
      if (inner.empty()) continue;
      separate();
      text.append(key).append(": ").append(inner);
    }
  }
}

std::string Words(const json& value) {
  std::string text;
  Collect(value, text);
  return OneLine(text, kComplaintBytes);
}

void ReadFields(const json& object, Complaint& complaint) {
  for (const auto& [field, value] : object.items()) {
    const std::string words = Words(value);
    if (!words.empty() && complaint.fields.size() < kFields) complaint.fields[OneLine(field, 60)] = words;
  }
  complaint.text = JoinFields(complaint.fields);
}

}  // namespace

std::string OneLine(std::string_view text, std::size_t limit) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  constexpr std::string_view kEllipsis = "\xE2\x80\xA6";
  std::string line;
  bool space = false;
  std::size_t cut = 0;
  while (!text.empty()) {
    std::size_t size = CharacterAt(text);
    std::string_view character = size == 0 ? kReplacement : text.substr(0, size);
    if (size == 0) size = 1;
    const auto first = static_cast<unsigned char>(character[0]);
    // C0, DEL, C1 (U+0080 to U+009F) and the line and direction marks of U+2028 to U+202E can make a terminal or a log line lie.
    const bool control = first <= 0x20 || first == 0x7F || (first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0) ||
                         (character.starts_with("\xE2\x80") && static_cast<unsigned char>(character[2]) >= 0xA8 &&
                          static_cast<unsigned char>(character[2]) <= 0xAE);
    text.remove_prefix(size);
    if (control) {
      space = !line.empty();
      continue;
    }
    if (space) line += ' ';
    space = false;
    if (line.size() + kEllipsis.size() <= limit) cut = line.size();
    line += character;
    if (line.size() > limit) {
      line.resize(cut);
      return line.append(kEllipsis);
    }
  }
  return line;
}

std::string JoinFields(const std::map<std::string, std::string>& fields) {
  std::string joined;
  for (const auto& [field, words] : fields) joined.append(joined.empty() ? "" : "; ").append(field).append(": ").append(words);
  return OneLine(joined, kComplaintBytes);
}

Complaint ReadComplaint(std::string_view body) {
  Complaint complaint;
  const auto parsed = ParseJson(body);
  if (!parsed) return complaint;
  const json& answer = *parsed;
  complaint.from_mem0 = answer.is_object() || answer.is_array();
  if (answer.is_array()) complaint.text = Words(answer);
  if (!answer.is_object()) return complaint;

  for (const char* key : {"detail", "message", "error"}) {
    if (!answer.contains(key)) continue;
    complaint.text = Words(answer[key]);
    if (complaint.text.empty()) continue;
    complaint.key = key;
    const auto details = answer.find("details");
    if (details != answer.end() && details->is_object() && details->contains("message")) {
      complaint.text = OneLine(complaint.text + ": " + Words((*details)["message"]), kComplaintBytes);
    }
    return complaint;
  }
  const auto errors = answer.find("errors");
  if (errors != answer.end() && errors->is_object()) {
    ReadFields(*errors, complaint);
  } else if (errors != answer.end() && errors->is_array()) {
    complaint.text = Words(*errors);
  } else {
    ReadFields(answer, complaint);
  }
  return complaint;
}

}  // namespace membridge::sync::mem0
