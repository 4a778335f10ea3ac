#include "sync/schedule/cron.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <span>

namespace membridge::sync {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

struct Field {
  std::string_view name;
  int low, high;
  std::string_view example;
  std::span<const std::string_view> names;  // from `low` on
};

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
const std::array<Field, 5> kFields{{{"minute", 0, 59, "0-59", {}},
                                    {"hour", 0, 23, "0-23", {}},
                                    {"day of month", 1, 31, "1-31", {}},
                                    {"month", 1, 12, "1-12 or jan-dec", kMonths},
                                    {"day of week", 0, 7, "0-7 or sun-sat", kWeekdays}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNicknames{{{"@yearly", "0 0 1 1 *"},
                                                                                   {"@annually", "0 0 1 1 *"},
                                                                                   {"@monthly", "0 0 1 * *"},
                                                                                   {"@weekly", "0 0 * * 0"},
                                                                                   {"@daily", "0 0 * * *"},
                                                                                   {"@midnight", "0 0 * * *"},
                                                                                   {"@hourly", "0 * * * *"}}};

// How many days each month has at most.
constexpr std::array<int, 12> kLongest{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

// Far enough for a 29th of February that is a Sunday, across 2100.
constexpr days kHorizon{41 * 366};

constexpr bool IsSpace(char c) {
  return c == ' ' || c == '\t';
}

std::string Lower(std::string_view text) {
  std::string lower{text};
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lower;
}

std::uint64_t Bit(int value) {
  return std::uint64_t{1} << static_cast<unsigned>(value);
}
bool Has(std::uint64_t set, int value) {
  return (set & Bit(value)) != 0;
}

}  // namespace

/// Reads one field after the other; the first problem ends it.
struct Cron::Reader {
  struct Piece {
    std::string_view text;
    std::size_t column;
  };

  explicit Reader(std::string_view whole) : text(whole) {}

  std::string_view text;
  std::optional<Error> problem;

  void Refuse(const Piece& piece, std::size_t number, const std::string& what, const std::string& fix) {
    if (problem) return;
    problem = Error{ErrorCode::kRefused,
                    fmt::format("schedule \"{}\", column {}, {}: {}", text, piece.column, kFields[number].name, what), fix};
  }

  static std::vector<Piece> Split(std::string_view whole, std::size_t column, bool (*ends)(char)) {
    std::vector<Piece> pieces;
    std::size_t from = 0;
    for (std::size_t at = 0; at <= whole.size(); ++at) {
      if (at < whole.size() && !ends(whole[at])) continue;
      pieces.push_back({whole.substr(from, at - from), column + from});
      from = at + 1;
    }
    return pieces;
  }

  std::optional<int> Value(const Piece& piece, std::size_t number) {
    const Field& field = kFields[number];
    const auto named = std::find(field.names.begin(), field.names.end(), Lower(piece.text));
    if (named != field.names.end()) return field.low + static_cast<int>(named - field.names.begin());
    const bool digits = !piece.text.empty() && piece.text.size() <= 2 &&
                        std::all_of(piece.text.begin(), piece.text.end(), [](char c) { return c >= '0' && c <= '9'; });
    const int value = digits ? std::stoi(std::string{piece.text}) : -1;
    if (digits && value >= field.low && value <= field.high) return value;
    Refuse(piece, number, fmt::format("\"{}\" is no {}", piece.text, field.name),
           piece.text.empty() ? "a value is missing beside a comma, - or /" : fmt::format("write {}", field.example));
    return std::nullopt;
  }

  /// One element of a list: `*`, `a`, `a-b`, each perhaps with `/n`.
  std::uint64_t Element(const Piece& piece, std::size_t number) {
    const Field& field = kFields[number];
    const std::vector<Piece> halves = Split(piece.text, piece.column, [](char c) { return c == '/'; });
    if (halves.size() > 2) Refuse(piece, number, fmt::format("\"{}\" has two steps", piece.text), "write one /n");
    int first = field.low;
    int last = number == 4 ? 6 : field.high;
    if (halves[0].text != "*") {
      const std::vector<Piece> ends = Split(halves[0].text, halves[0].column, [](char c) { return c == '-'; });
      if (ends.size() > 2) {
        Refuse(halves[0], number, fmt::format("\"{}\" is no range", halves[0].text), "write a-b");
        return 0;
      }
      const auto low = Value(ends[0], number);
      const auto high = ends.size() == 2 ? Value(ends[1], number) : low;
      if (!low || !high) return 0;
      first = *low;
      last = ends.size() == 2 ? *high : halves.size() == 2 ? last : first;
      if (ends.size() == 2 && number == 4 && last == 0) last = 7;  // sat-sun
      if (first > last) {
        Refuse(halves[0], number, fmt::format("\"{}\" runs backwards", halves[0].text),
               fmt::format("write {}-{},{}-{}", ends[0].text, number == 4 ? 6 : field.high, field.low, ends.back().text));
        return 0;
      }
    }
    return Stepped(halves, number, first, last);
  }

  std::uint64_t Stepped(const std::vector<Piece>& halves, std::size_t number, int first, int last) {
    int step = 1;
    if (halves.size() == 2) {
      const std::string_view digits = halves[1].text;
      const bool sound = !digits.empty() && digits.size() <= 2 &&
                         std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
      step = sound ? std::stoi(std::string{digits}) : 0;
      if (step < 1 || step > kFields[number].high) {
        Refuse(halves[1], number, fmt::format("\"{}\" is no step", digits), fmt::format("write /1 to /{}", kFields[number].high));
        return 0;
      }
    }
    std::uint64_t set = 0;
    for (int value = first; value <= last; value += step) set |= Bit(number == 4 && value == 7 ? 0 : value);
    return set;
  }

  std::uint64_t List(const Piece& piece, std::size_t number) {
    std::uint64_t set = 0;
    for (const Piece& element : Split(piece.text, piece.column, [](char c) { return c == ','; })) {
      if (problem) return 0;
      set |= Element(element, number);
    }
    return set;
  }
};

Result<Cron> Cron::Parse(std::string_view text) {
  Reader reader{text};
  std::string_view fields_text = text;
  if (const std::size_t at = text.find_first_not_of(" \t"); at != std::string_view::npos && text[at] == '@') {
    const std::string word = Lower(text.substr(at, text.find_last_not_of(" \t") + 1 - at));
    const auto known = std::find_if(kNicknames.begin(), kNicknames.end(), [&](const auto& one) { return one.first == word; });
    if (known == kNicknames.end()) {
      return Fail(ErrorCode::kRefused, fmt::format("schedule \"{}\", column {}: \"{}\" is not known", text, at + 1, word),
                  "write @yearly, @monthly, @weekly, @daily, @hourly or five fields like \"0 3 * * *\"");
    }
    fields_text = known->second;
  }
  std::vector<Reader::Piece> pieces = Reader::Split(fields_text, 1, IsSpace);
  std::erase_if(pieces, [](const Reader::Piece& piece) { return piece.text.empty(); });
  if (pieces.size() != kFields.size()) {
    return Fail(ErrorCode::kRefused, fmt::format("schedule \"{}\" has {} fields, not five", text, pieces.size()),
                pieces.size() > kFields.size() ? "there are no seconds and no years: minute hour day-of-month month day-of-week"
                                               : "write minute hour day-of-month month day-of-week, like \"0 3 * * *\"");
  }
  Cron cron;
  cron.minutes_ = reader.List(pieces[0], 0);
  cron.hours_ = reader.List(pieces[1], 1);
  cron.days_ = reader.List(pieces[2], 2);
  cron.months_ = reader.List(pieces[3], 3);
  cron.weekdays_ = reader.List(pieces[4], 4);
  cron.any_day_ = pieces[2].text.front() == '*';
  cron.any_weekday_ = pieces[4].text.front() == '*';
  cron.every_hour_ = std::popcount(cron.hours_) == 24;
  if (reader.problem) return tl::unexpected<Error>(*reader.problem);

  const bool day_decides = cron.any_weekday_ || cron.any_day_;  // else a weekday is enough, and there always is one
  bool happens = !day_decides;
  for (int month = 1; month <= 12; ++month) {
    for (int day = 1; Has(cron.months_, month) && day <= kLongest[static_cast<std::size_t>(month - 1)]; ++day) {
      happens = happens || Has(cron.days_, day);
    }
  }
  if (!happens) {
    reader.Refuse(pieces[2], 2, fmt::format("no month of \"{}\" has day {}", pieces[3].text, pieces[2].text),
                  "change the day of month or the month");
    return tl::unexpected<Error>(*reader.problem);
  }
  return cron;
}

bool Cron::OnDay(Day local) const {
  const std::chrono::year_month_day date{local};
  if (!Has(months_, static_cast<int>(static_cast<unsigned>(date.month())))) return false;
  const bool day = Has(days_, static_cast<int>(static_cast<unsigned>(date.day())));
  const bool weekday = Has(weekdays_, static_cast<int>(std::chrono::weekday{local}.c_encoding()));
  return any_day_ || any_weekday_ ? day && weekday : day || weekday;
}

std::optional<Instant> Cron::Next(Instant after, const TimeZone& zone) const {
  // Wall clocks jump by a few hours at most. Times that they show before the first bound cannot come again, and times after the
  // second bound cannot come before the moment that was found.
  constexpr hours kJump{25};
  const Instant here = zone.Local(after);
  const Day first = std::chrono::floor<days>(here - kJump);
  std::optional<Instant> next;
  Instant found_at{};
  for (Day day = first; day <= first + kHorizon; day += days{1}) {
    if (next && Instant{day} > found_at + kJump) break;
    if (!OnDay(day)) continue;
    for (int hour = 0; hour < 24; ++hour) {
      for (int minute = 0; Has(hours_, hour) && minute < 60; ++minute) {
        const Instant local = Instant{day} + hours{hour} + minutes{minute};
        if (!Has(minutes_, minute) || local < here - kJump || (next && local > found_at + hours{3})) continue;
        const TimeZone::Moments moments = zone.At(local);
        for (const Instant moment : {moments.first, every_hour_ ? moments.second : moments.first}) {
          if (moment <= after || (next && moment >= *next)) continue;
          if (!next) found_at = local;
          next = moment;
        }
      }
    }
  }
  return next;
}

std::optional<Instant> Cron::Last(Instant after, Instant until, const TimeZone& zone) const {
  // A schedule may have been missed for years. So step back by doubling distances until a moment is found, then go forward.
  for (std::chrono::seconds back = hours{1};; back *= 2) {
    const Instant from = std::max(after, until - back);
    std::optional<Instant> last;
    for (auto next = Next(from, zone); next && *next <= until; next = Next(*next, zone)) last = next;
    if (last || from == after) return last;
  }
}

}  // namespace membridge::sync
