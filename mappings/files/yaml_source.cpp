#include "mappings/files/yaml_source.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "mappings/base/utf8.hpp"
#include "mappings/files/flow_hint.hpp"

namespace membridge::mappings {
namespace {

constexpr std::size_t kDeepest = 48;
constexpr std::size_t kMostNodes = 100'000;

/// Thrown to stop the parse with a problem; yaml-cpp can be stopped in no other way.
struct Refusal {
  Place place;
  std::string message;
};

/// YAML reads `!name` without quotes as a tag; its author usually means a value.
std::string NoTag(const std::string& tag) {
  const bool is_word = tag.size() > 1 && tag[0] == '!' && tag[1] != '!';
  return is_word ? fmt::format("{0} without quotes is a YAML tag, and tags have no meaning here; quote it: \"{0}\"", tag)
                 : fmt::format("tags such as {} have no meaning here", tag);
}

std::size_t CountNodes(const YamlNode& node) {
  std::size_t count = 1;
  for (const YamlNode& item : node.items) count += CountNodes(item);
  for (const auto& [key, value] : node.entries) count += 1 + CountNodes(value);
  return count;
}

/// Builds the tree from yaml-cpp's events, because they keep quotes, order, duplicates and places. Its node classes do not.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, const std::string& text, Diagnostics& problems)
      : file_(file), text_(text), problems_(problems) {}

  YamlNode TakeRoot() { return std::move(root_); }
  bool InFlow() const { return flow_ > 0; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw Refusal{At(mark), "one mapping per file: a second document starts here"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node = Node(YamlNode::Kind::kNothing, mark);
    node.text = NullWordAt(node.offset);
    if (!node.text.empty()) node.kind = YamlNode::Kind::kScalar;
    node.plain = true;
    Add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) throw Refusal{At(mark), "this alias is inside the value that it names"};
    Grow(CountNodes(found->second), mark);
    Attach(found->second);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    if (tag != "?" && tag != "!" && !tag.empty()) throw Refusal{At(mark), NoTag(tag)};
    YamlNode node = Node(YamlNode::Kind::kScalar, mark);
    node.text = value;
    const char first = node.offset < text_.size() ? text_[node.offset] : '\0';
    node.plain = tag != "!" && first != '\'' && first != '"' && first != '|' && first != '>';
    if (value.find('\0') != std::string::npos) problems_.Error(node.place, "a NUL character cannot be stored in PostgreSQL");
    if (FirstBadByte(value) != std::string::npos) problems_.Error(node.place, "an escape here is not a character");
    Add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    Open(YamlNode::Kind::kList, mark, tag, anchor, style);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    Open(YamlNode::Kind::kMap, mark, tag, anchor, style);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    bool flow = false;
    std::optional<YamlNode> key;
    std::map<std::string, std::size_t> lines;  // of the keys so far
  };

  Place At(const YAML::Mark& mark) const {
    return {file_, static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
  }

  YamlNode Node(YamlNode::Kind kind, const YAML::Mark& mark) {
    Grow(1, mark);
    YamlNode node;
    node.kind = kind;
    node.place = At(mark);
    node.in_flow = flow_ > 0;
    node.offset = static_cast<std::size_t>(mark.pos);
    // yaml-cpp gives the place of the anchor for an anchored node; move on to the node itself.
    if (node.offset < text_.size() && text_[node.offset] == '&') {
      const std::size_t space = text_.find_first_of(" \t\r\n", node.offset);
      const std::size_t start = space == std::string::npos ? space : text_.find_first_not_of(" \t\r\n", space);
      if (start != std::string::npos && text_.find('\n', node.offset) > start) {
        node.place.column += start - node.offset;
        node.offset = start;
      }
    }
    return node;
  }

  /// Returns the word that yaml-cpp read as null; empty when there is no word. A person's name may be Null, so only `null` itself
  /// is null here. For a value that is left out, yaml-cpp gives the place of the next key; the colon behind that word shows that
  /// it is a key.
  std::string NullWordAt(std::size_t offset) const {
    const bool key_expected = !open_.empty() && open_.back().node.kind == YamlNode::Kind::kMap && !open_.back().key;
    for (const std::string_view word : {"null", "Null", "NULL", "~"}) {
      if (text_.compare(offset, word.size(), word) != 0) continue;
      const std::size_t after = text_.find_first_not_of(' ', offset + word.size());
      const bool is_key = after != std::string::npos && text_[after] == ':';
      if (key_expected || !is_key) return std::string{word};
    }
    return {};
  }

  void Grow(std::size_t count, const YAML::Mark& mark) {
    nodes_ += count;
    if (nodes_ > kMostNodes) throw Refusal{At(mark), fmt::format("more than {} entries, aliases included", kMostNodes)};
  }

  void Open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YAML::EmitterStyle::value style) {
    if (tag != "?" && !tag.empty()) throw Refusal{At(mark), NoTag(tag)};
    if (open_.size() >= kDeepest) throw Refusal{At(mark), fmt::format("nested deeper than {} levels", kDeepest)};
    Frame frame;
    frame.flow = style == YAML::EmitterStyle::Flow;
    if (frame.flow) ++flow_;
    frame.node = Node(kind, mark);
    frame.anchor = anchor;
    open_.push_back(std::move(frame));
  }

  void Close() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    if (frame.flow) --flow_;
    Add(std::move(frame.node), frame.anchor);
  }

  void Add(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) anchored_[anchor] = node;
    Attach(std::move(node));
  }

  void Attach(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = open_.back();
    if (frame.node.kind == YamlNode::Kind::kList) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.key) {
      if (node.kind != YamlNode::Kind::kScalar)
        throw Refusal{node.place, fmt::format("a key must be text, not {}", node.KindName())};
      frame.key = std::move(node);
    } else {
      const auto [known, fresh] = frame.lines.emplace(frame.key->text, frame.key->place.line);
      if (fresh) {
        frame.node.entries.push_back({std::move(*frame.key), std::move(node)});
      } else {
        problems_.Error(frame.key->place,
                        fmt::format("\"{}\" is given twice; the first is on line {}", frame.key->text, known->second));
      }
      frame.key.reset();
    }
  }

  const std::string& file_;
  const std::string& text_;
  Diagnostics& problems_;
  YamlNode root_;
  std::vector<Frame> open_;
  std::map<YAML::anchor_t, YamlNode> anchored_;
  std::size_t nodes_ = 0;
  std::size_t flow_ = 0;
  int documents_ = 0;
};

/// Returns the position of the first byte that may not be in a file. yaml-cpp treats byte 4 as the end of the file and lets other
/// control characters pass, so all of them are refused before parsing.
std::optional<std::size_t> FirstUnreadable(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) return i;
  }
  const std::size_t bad = FirstBadByte(text);
  return bad == std::string::npos ? std::nullopt : std::optional<std::size_t>{bad};
}

Place PlaceOf(const std::string& file, const std::string& text, std::size_t offset) {
  Place place{file, 1, 1};
  for (std::size_t i = 0; i < offset && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return place;
}

/// Whether a syntax error on this line may come from an unquoted value inside braces.
bool MentionsFlow(const std::string& text, int line) {
  std::istringstream lines{text};
  std::string current;
  for (int i = 0; i <= line && std::getline(lines, current); ++i) {
  }
  return current.find_first_of("{}[]") != std::string::npos;
}

/// Returns how many characters of the source the escape at `at` has.
std::size_t EscapeSize(std::string_view source, std::size_t at) {
  if (at + 1 >= source.size()) return 1;
  switch (source[at + 1]) {
    case 'x':
      return 4;
    case 'u':
      return 6;
    case 'U':
      return 10;
    default:
      return 2;
  }
}

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

std::string YamlSource::FlowHint(std::size_t offset) const {
  return HintInFlow(text_, offset);
}

const YamlNode* YamlNode::Find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name.text == key) return &value;
  }
  return nullptr;
}

std::string_view YamlNode::KindName() const {
  switch (kind) {
    case Kind::kNothing:
      return "nothing";
    case Kind::kScalar:
      return "text";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  return "";
}

std::optional<YamlSource> YamlSource::Parse(std::string file, std::string text, Diagnostics& problems) {
  if (text.size() > kLargestFile) {
    problems.Error({file, 0, 0}, fmt::format("the file is larger than {} KiB", kLargestFile >> 10U));
    return std::nullopt;
  }
  if (text.compare(0, 3, "\xEF\xBB\xBF") == 0) text.erase(0, 3);
  if (const auto bad = FirstUnreadable(text)) {
    problems.Error(PlaceOf(file, text, *bad), "this byte is not text in UTF-8; save the file as UTF-8");
    return std::nullopt;
  }
  YamlSource source;
  source.file_ = std::move(file);
  source.text_ = std::move(text);
  TreeBuilder builder{source.file_, source.text_, problems};
  try {
    std::istringstream stream{source.text_};
    YAML::Parser parser{stream};
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refusal& refusal) {
    problems.Error(refusal.place, refusal.message);
    return std::nullopt;
  } catch (const YAML::Exception& exception) {
    const bool flow = builder.InFlow() || MentionsFlow(source.text_, exception.mark.line);
    const Place place{source.file_, static_cast<std::size_t>(exception.mark.line + 1),
                      static_cast<std::size_t>(exception.mark.column + 1)};
    const auto offset = static_cast<std::size_t>(std::max(exception.mark.pos, 0));
    problems.Error(place, flow ? fmt::format("YAML: {}; {}", exception.msg, HintInFlow(source.text_, offset))
                               : fmt::format("YAML: {}", exception.msg));
    return std::nullopt;
  }
  source.root_ = builder.TakeRoot();
  return source;
}

// Walks through the scalar's text and its source side by side. An escape has several characters in the source and one in the
// text; a line break with the next line's indentation becomes one space in the text.
Place YamlSource::PlaceIn(const YamlNode& scalar, std::size_t position) const {
  std::size_t at = scalar.offset;
  const char first = at < text_.size() ? text_[at] : '\0';
  if (!scalar.plain) {
    if (first == '\'' || first == '"') {
      ++at;
    } else {
      at = std::min(text_.find('\n', at), text_.size());  // a block of text starts on the next line
    }
  }
  for (std::size_t i = 0; at < text_.size() && i < scalar.text.size(); ++i) {
    const char wanted = scalar.text[i];
    if (text_[at] != wanted && !(first == '"' && text_[at] == '\\')) {
      while (at < text_.size() && IsBlank(text_[at]) && text_[at] != wanted) ++at;
    }
    if (i >= position) break;
    if (first == '"' && at < text_.size() && text_[at] == '\\') {
      const std::size_t size = EscapeSize(text_, at);
      std::size_t bytes = 1;  // of the character in the text
      while (i + bytes < scalar.text.size() && (static_cast<unsigned char>(scalar.text[i + bytes]) & 0xC0U) == 0x80U) ++bytes;
      i += bytes - 1;
      at += size;
    } else if (first == '\'' && !scalar.plain && wanted == '\'') {
      at += 2;
    } else if (IsBlank(wanted)) {
      const std::size_t start = at;
      while (at < text_.size() && IsBlank(text_[at])) ++at;
      const bool folded = std::string_view{text_}.substr(start, at - start).find('\n') != std::string_view::npos;
      if (!folded) at = start + 1;
    } else {
      ++at;
    }
  }
  Place place = scalar.place;
  for (std::size_t i = scalar.offset; i < at && i < text_.size(); ++i) {
    place.column = text_[i] == '\n' ? 1 : place.column + 1;
    if (text_[i] == '\n') ++place.line;
  }
  return place;
}

}  // namespace membridge::mappings
