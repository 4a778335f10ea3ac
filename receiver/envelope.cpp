#include "receiver/envelope.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "mappings/base/digest.hpp"
#include "mappings/base/letter_case.hpp"
#include "sync/inbox/announcement.hpp"

namespace membridge::receiver {
namespace {

constexpr std::size_t kMaxIdBytes = 128;
/// Events may contain events; this many levels are read.
constexpr std::size_t kMaxFrames = 16;

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsUsableId(std::string_view text) {
  return !text.empty() && text.size() <= kMaxIdBytes && IsAlphanumeric(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsAlphanumeric(c) || c == '_' || c == '-'; });
}

std::string_view NameOf(HintedEvent event) {
  switch (event) {
    case HintedEvent::kAdd:
      return "add";
    case HintedEvent::kUpdate:
      return "update";
    case HintedEvent::kDelete:
      return "delete";
    case HintedEvent::kCategorize:
      return "categorize";
    case HintedEvent::kOther:
      return "other";
  }
  return "other";
}

/// The ids found under the two keys that senders use.
struct Ids {
  std::string memory_id;
  std::string id;

  const std::string& Best() const { return memory_id.empty() ? id : memory_id; }
};

/// Receives the parser's events for a body. It builds no document; it keeps only a short stack of the places where an event may
/// be.
class EventReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<Hint> hints;
  std::size_t deepest = 0;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return Enter(true); }
  bool start_array(std::size_t) override { return Enter(false); }
  bool end_object() override { return Leave(); }
  bool end_array() override { return Leave(); }

  bool key(string_t& name) override {
    if (Frame* frame = Here()) frame->key = LoweredAscii(name);
    return true;
  }

  bool string(string_t& value) override {
    Frame* const frame = Here();
    if (frame == nullptr && IsInLabels()) {
      frames_.back().labels.push_back(std::move(value));
      return true;
    }
    if (frame == nullptr || (frame->role != Role::kEvent && frame->role != Role::kData)) return true;
    if (frame->key == "memory_id")
      frame->own.memory_id = std::move(value);
    else if (frame->key == "id")
      frame->own.id = std::move(value);
    else if (frame->key == "memory")
      frame->text = std::move(value);
    else if (frame->key == "event" || frame->key == "event_type" || (frame->key == "type" && frame->event.empty()))
      frame->event = std::move(value);
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  enum class Role { kEvent, kEvents, kData };
  struct Frame {
    Role role;
    std::size_t depth;
    std::string key{};
    std::string event{};
    Ids own{};
    Ids data{};
    std::optional<std::string> text{};
    std::vector<std::string> labels{};
    bool has_events = false;  // the object only wraps other events
  };

  /// Returns the frame whose direct members are being read; nullptr when the current object is not one that is searched.
  Frame* Here() { return !frames_.empty() && frames_.back().depth == depth_ ? &frames_.back() : nullptr; }

  bool IsInLabels() const { return labels_depth_ > 0 && labels_depth_ == depth_; }

  std::optional<Role> RoleOf(bool object) {
    if (depth_ == 0) return object ? Role::kEvent : Role::kEvents;
    const Frame* const parent = Here();
    if (parent == nullptr || frames_.size() >= kMaxFrames || parent->role == Role::kData) return std::nullopt;
    if (parent->role == Role::kEvents) return object ? std::optional{Role::kEvent} : std::nullopt;
    if (parent->key == "event_details" || parent->key == "events") return object ? Role::kEvent : Role::kEvents;
    if (parent->key == "data") return object ? Role::kData : Role::kEvents;
    return std::nullopt;
  }

  bool Enter(bool object) {
    const std::optional<Role> role = RoleOf(object);
    const Frame* const parent = Here();
    const bool is_labels = !object && !role && parent != nullptr && parent->role != Role::kEvents && parent->key == "categories";
    ++depth_;
    deepest = std::max(deepest, depth_);
    if (is_labels) labels_depth_ = depth_;
    if (role) frames_.push_back(Frame{.role = *role, .depth = depth_});
    return true;
  }

  bool Leave() {
    if (Frame* const here = Here()) {
      Frame frame = std::move(*here);
      frames_.pop_back();
      Frame* const parent = frames_.empty() ? nullptr : &frames_.back();
      if (frame.role == Role::kData) {
        parent->data = std::move(frame.own);
        if (frame.text) parent->text = std::move(frame.text);
        if (!frame.labels.empty()) parent->labels = std::move(frame.labels);
      }
      if (frame.role == Role::kEvent && !frame.has_events) Note(frame);
      if (frame.role == Role::kEvent && parent != nullptr) parent->has_events = true;
      if (frame.role == Role::kEvents && parent != nullptr) parent->has_events = parent->has_events || frame.has_events;
    }
    if (IsInLabels()) labels_depth_ = 0;
    --depth_;
    return true;
  }

  static std::string AnnouncedBy(const Frame& frame, HintedEvent event) {
    if (event == HintedEvent::kCategorize) return frame.labels.empty() ? "" : sync::HashOfLabels(frame.labels);
    const bool is_text = event == HintedEvent::kAdd || event == HintedEvent::kUpdate;
    return is_text && frame.text ? sync::HashOfText(*frame.text) : "";
  }

  void Note(const Frame& frame) {
    // The id of an ingest job is not the id of a memory.
    const bool about_job = LoweredAscii(frame.event).starts_with("ingest_job");
    const std::string& id = about_job ? frame.own.memory_id : frame.own.Best().empty() ? frame.data.Best() : frame.own.Best();
    if (!IsUsableId(id)) return;
    // A memory must have one name, so a UUID is stored in lower case. Ids of another form stay as they are.
    const std::string memory = mappings::IsUuid(id) ? LoweredAscii(id) : id;
    if (!noted_.insert(memory).second) return;
    const HintedEvent event = ReadEvent(frame.event);
    hints.push_back({MemoryId{memory}, event, AnnouncedBy(frame, event)});
  }

  std::vector<Frame> frames_;
  std::set<std::string> noted_;
  std::size_t depth_ = 0;
  std::size_t labels_depth_ = 0;  // depth of the list of labels that is being read; 0: none
};

bool IsNumberByte(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

bool IsNumber(std::string_view text) {
  const auto take_digits = [&text] {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(digits);
    return digits > 0;
  };
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.starts_with('0')) {
    text.remove_prefix(1);
  } else if (!take_digits()) {
    return false;
  }
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!take_digits()) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (!take_digits()) return false;
  }
  return text.empty();
}

/// Returns the value of a `\uXXXX` escape at `at`; nothing when there is none.
std::optional<unsigned> EscapedUnit(std::string_view body, std::size_t at) {
  constexpr std::size_t kLength = std::string_view{"\\uXXXX"}.size();
  if (body.size() < at + kLength || body[at] != '\\' || body[at + 1] != 'u') return std::nullopt;
  unsigned unit = 0;
  const char* const first = body.data() + at + 2;
  const char* const last = body.data() + at + kLength;
  if (std::from_chars(first, last, unit, 16).ptr != last) return std::nullopt;
  return unit;
}

bool IsHighSurrogate(unsigned unit) {
  return unit >= 0xd800 && unit < 0xdc00;
}
bool IsLowSurrogate(unsigned unit) {
  return unit >= 0xdc00 && unit < 0xe000;
}

/// Appends the escape that begins at `at`, and returns how long it is. Half of a surrogate pair becomes U+FFFD, because JSON's
/// grammar allows it (RFC 8259 section 8.2) but the parser does not.
std::size_t AppendEscape(std::string_view body, std::size_t at, std::string& plain) {
  constexpr std::size_t kLength = std::string_view{"\\uXXXX"}.size();
  const auto unit = EscapedUnit(body, at);
  if (!unit || !(IsHighSurrogate(*unit) || IsLowSurrogate(*unit))) {
    plain += body.substr(at, 2);
    return 2;
  }
  const auto next = EscapedUnit(body, at + kLength);
  if (IsHighSurrogate(*unit) && next && IsLowSurrogate(*next)) {
    plain += body.substr(at, 2 * kLength);
    return 2 * kLength;
  }
  plain += "\\ufffd";
  return kLength;
}

/// Returns the same document with 0 for every number and U+FFFD for every half of a surrogate pair. JSON's grammar allows any
/// number and any escape, but the parser does not. The change is harmless, because only ids and event names are read.
std::string Simplified(std::string_view body) {
  std::string plain;
  plain.reserve(body.size());
  bool in_string = false;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (in_string && c == '\\' && i + 1 < body.size()) {
      i += AppendEscape(body, i, plain) - 1;
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string || !(c == '-' || (c >= '0' && c <= '9'))) {
      plain += c;
      continue;
    }
    const std::size_t begin = i;
    while (i + 1 < body.size() && IsNumberByte(body[i + 1])) ++i;
    const std::string_view number = body.substr(begin, i + 1 - begin);
    plain += IsNumber(number) ? std::string_view{"0"} : number;
  }
  return plain;
}

}  // namespace

HintedEvent ReadEvent(std::string_view name) {
  const std::string lowered = LoweredAscii(name);
  std::string_view event = lowered;
  if (event.starts_with("memory") && event.size() > 7 && std::string_view{"_:.-"}.find(event[6]) != std::string_view::npos) {
    event.remove_prefix(7);
  }
  if (event == "add" || event == "added" || event == "created") return HintedEvent::kAdd;
  if (event == "update" || event == "updated") return HintedEvent::kUpdate;
  if (event == "delete" || event == "deleted") return HintedEvent::kDelete;
  if (event == "categorize" || event == "categorized") return HintedEvent::kCategorize;
  return HintedEvent::kOther;
}

std::string TypeOf(HintedEvent event) {
  std::string type{NameOf(event)};
  for (char& letter : type) letter = static_cast<char>(letter - 'a' + 'A');
  return type;
}

std::string Envelope::Verdict() const {
  if (hints.empty()) return "uninterpretable";
  const HintedEvent first = hints.front().event;
  const bool alike = std::all_of(hints.begin(), hints.end(), [first](const Hint& hint) { return hint.event == first; });
  return std::string{alike ? NameOf(first) : "mixed"};
}

Envelope ReadEnvelope(std::string_view body) {
  // The parser stops at NUL, so what follows would be stored unread. Such a body does not count as JSON.
  if (body.find('\0') != std::string_view::npos) return {};
  EventReader reader;
  bool is_json = nlohmann::json::sax_parse(body.begin(), body.end(), &reader);
  if (!is_json) {
    // The parser refuses some valid JSON: huge numbers and halves of surrogate pairs.
    const std::string plain = Simplified(body);
    reader = EventReader{};
    is_json = nlohmann::json::sax_parse(plain.begin(), plain.end(), &reader);
  }
  if (!is_json) return {};
  if (reader.deepest > kMaxDepth) return {.is_json = true, .hints = {}};
  return {.is_json = true, .hints = std::move(reader.hints)};
}

}  // namespace membridge::receiver
