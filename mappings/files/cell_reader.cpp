#include "mappings/files/cell_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "mappings/base/table_name.hpp"
#include "mappings/base/utf8.hpp"

namespace membridge::mappings {
namespace {

/// Splits the text at separators that are outside double quotes.
std::vector<std::string_view> SplitAt(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (quoted || text[at] != separator) continue;
    parts.push_back(Trimmed(text.substr(start, at - start)));
    start = at + 1;
  }
  parts.push_back(Trimmed(text.substr(start)));
  return parts;
}

/// Reads a column or a path into one. Returns nothing when a part is empty or has a character that needs quotes.
std::optional<Cell> ColumnOrPath(std::string_view text) {
  Cell cell;
  std::vector<std::string> parts;
  for (const std::string_view part : SplitAt(text, '.')) {
    const bool quoted = !part.empty() && part.front() == '"';
    if (!quoted && (part.empty() || part.find_first_of("()[]$\"'") != std::string_view::npos)) return std::nullopt;
    auto names = PartsOfName(part);
    if (!names || names->size() != 1) return std::nullopt;
    parts.push_back(std::move(names->front()));
  }
  cell.column = parts.front();
  cell.path.assign(parts.begin() + 1, parts.end());
  cell.name = NameOfPath(cell.column, cell.path, cell.path.size());
  cell.kind = cell.path.empty() ? Cell::Kind::kColumn : Cell::Kind::kPath;
  return cell;
}

std::optional<Cell> ReadGroup(std::string_view inside) {
  Cell cell;
  cell.kind = Cell::Kind::kGroup;
  std::string names;
  for (const std::string_view part : SplitAt(inside, ',')) {
    auto member = ColumnOrPath(part);
    if (!member || member->name.find(',') != std::string::npos) return std::nullopt;
    names += names.empty() ? member->name : ", " + member->name;
    cell.members.push_back(std::move(*member));
  }
  cell.name = "(" + names + ")";
  return cell;
}

/// Reads the text between the brackets of a list: nothing, `;`, or `,*,` for a text that also begins and ends with it.
bool ReadDelimiter(std::string_view inside, Cell& cell) {
  const std::size_t star = inside.find('*');
  if (star == std::string_view::npos) {
    cell.delimiter = std::string{inside};
  } else {
    cell.delimiter = std::string{inside.substr(0, star)};
    cell.enclosed = true;
    if (cell.delimiter.empty() || cell.delimiter != inside.substr(star + 1)) return false;
  }
  // Refuse delimiters that elements may contain (letters, digits, quotes). This also catches mistakes such as `tags[0]`.
  const bool is_wordy = std::any_of(cell.delimiter.begin(), cell.delimiter.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c >= 0x80 || c == '"' || c == '\'' || c == '[' || c == ']';
  });
  return cell.delimiter.empty() || (cell.path.empty() && !is_wordy);
}

/// Returns the position of the bracket that the last character closes; npos when there is none.
std::size_t OpenBracket(std::string_view text) {
  if (text.size() < 3 || text.back() != ']') return std::string_view::npos;
  const std::size_t open = text.rfind('[', text.size() - 2);
  return open == 0 ? std::string_view::npos : open;
}

std::optional<Cell> Parsed(std::string_view text) {
  constexpr std::string_view kLower = "lower(";
  if (text.size() > 2 && text.front() == '(' && text.back() == ')') return ReadGroup(text.substr(1, text.size() - 2));
  if (text.substr(0, kLower.size()) == kLower && text.back() == ')') {
    auto cell = ColumnOrPath(Trimmed(text.substr(kLower.size(), text.size() - kLower.size() - 1)));
    if (!cell || cell->kind != Cell::Kind::kColumn) return std::nullopt;
    cell->kind = Cell::Kind::kLowered;
    cell->name = "lower(" + QuotedIfNeeded(cell->column) + ")";
    return cell;
  }
  if (const std::size_t open = OpenBracket(text); open != std::string_view::npos) {
    auto cell = ColumnOrPath(Trimmed(text.substr(0, open)));
    const std::string_view inside = text.substr(open + 1, text.size() - open - 2);
    if (!cell || !ReadDelimiter(inside, *cell)) return std::nullopt;
    cell->kind = Cell::Kind::kElements;
    cell->name += "[" + std::string{inside} + "]";
    return cell;
  }
  return ColumnOrPath(text);
}

bool StartsWith(const std::vector<std::string>& path, const std::vector<std::string>& start) {
  return path.size() >= start.size() && std::equal(start.begin(), start.end(), path.begin());
}

}  // namespace

std::string NameOfPath(const std::string& column, const std::vector<std::string>& path, std::size_t length) {
  const auto quoted = [](const std::string& part) {
    // These characters could not be read back without quotes.
    return part.find_first_of("()[]$'\"") == std::string::npos ? QuotedIfNeeded(part) : Quoted(part);
  };
  std::string name = quoted(column);
  for (std::size_t i = 0; i < length && i < path.size(); ++i) name += "." + quoted(path[i]);
  return name;
}

std::optional<Cell> CellNamed(std::string_view name) {
  return name.empty() ? std::nullopt : Parsed(name);
}

std::optional<Cell> ReadCell(const YamlNode& key, Diagnostics& problems) {
  auto cell = Parsed(Trimmed(key.text));
  if (!cell) {
    problems.Error(
        key.place,
        fmt::format("\"{}\" is no cell; write column, column.path, column[], (one, two), or in a key lower(column)", key.text));
    return std::nullopt;
  }
  for (std::size_t i = 0; i < cell->members.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!Overlap(cell->members[i], cell->members[j])) continue;
      problems.Error(key.place, fmt::format("{} stands twice in the group", cell->members[i].name));
      return std::nullopt;
    }
  }
  return cell;
}

std::vector<std::string> ColumnsOf(const Cell& cell) {
  if (cell.kind != Cell::Kind::kGroup) return {cell.column};
  std::vector<std::string> columns;
  for (const Cell& member : cell.members) columns.push_back(member.column);
  return columns;
}

bool Overlap(const Cell& a, const Cell& b) {
  if (a.kind == Cell::Kind::kGroup) {
    return std::any_of(a.members.begin(), a.members.end(), [&](const Cell& member) { return Overlap(member, b); });
  }
  if (b.kind == Cell::Kind::kGroup) return Overlap(b, a);
  return a.column == b.column && (StartsWith(a.path, b.path) || StartsWith(b.path, a.path));
}

}  // namespace membridge::mappings
