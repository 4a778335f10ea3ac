#include "admin/shown/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "admin/shown/progress.hpp"

namespace membridge::admin {
namespace {

/// Counts characters and not bytes, so it skips the continuation bytes of UTF-8.
std::size_t WidthOf(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string TableLine(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    line += cells[i];
    if (i + 1 < cells.size()) line.append(widths[i] - WidthOf(cells[i]) + 2, ' ');
  }
  return line;
}

}  // namespace

std::string TextTable::Text(bool coloured) const {
  std::vector<std::size_t> widths;
  for (const auto& header : headers_) widths.push_back(WidthOf(header));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) widths[i] = std::max(widths[i], WidthOf(row[i]));
  }
  const std::string head = TableLine(headers_, widths);
  std::string text = (coloured ? "\x1b[1m" + head + "\x1b[0m" : head) + "\n";
  for (const auto& row : rows_) text += TableLine(row, widths) + "\n";
  return text;
}

std::string AgeOf(Instant instant, Instant now) {
  const bool past = instant <= now;
  const auto distance = std::chrono::duration_cast<std::chrono::seconds>(past ? now - instant : instant - now);
  if (distance < std::chrono::seconds{2}) return "just now";
  const std::string text = distance >= std::chrono::days{2}
                               ? fmt::format("{} d", std::chrono::floor<std::chrono::days>(distance).count())
                               : TextOf(distance);
  return past ? text + " ago" : "in " + text;
}

std::string WithAge(Instant instant, Instant now) {
  std::string time = FormatRfc3339(instant).substr(0, 19);
  if (time.size() > 10) time[10] = ' ';
  return fmt::format("{} ({})", time, AgeOf(instant, now));
}

std::string Toned(const std::string& word, Tone tone, bool coloured) {
  if (!coloured) return word;
  const char* code = tone == Tone::kGood ? "32" : tone == Tone::kNote ? "33" : "31";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, word);
}

}  // namespace membridge::admin
