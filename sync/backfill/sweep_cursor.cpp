#include "sync/backfill/sweep_cursor.hpp"

#include <array>
#include <utility>

namespace membridge::sync {
namespace {

using nlohmann::json;
using SweepPhase = SweepCursor::Phase;

constexpr std::array<std::pair<SweepPhase, const char*>, 5> kPhases{{{SweepPhase::kBegin, "begin"},
                                                                     {SweepPhase::kWalk, "walk"},
                                                                     {SweepPhase::kMissing, "missing"},
                                                                     {SweepPhase::kConfirm, "confirm"},
                                                                     {SweepPhase::kOver, "over"}}};

/// Reads and writes each member under one name. Members that an earlier release's cursor lacks keep their initial value.
class Fields {
 public:
  static void Write(json& to, const char* name, Instant value) { to[name] = FormatRfc3339(value); }
  template <class Value>
  static void Write(json& to, const char* name, const std::optional<Value>& value) {
    if (value) Write(to, name, *value);
  }
  template <class Value>
  static void Write(json& to, const char* name, const Value& value) {
    to[name] = value;
  }

  static void Read(const json& from, const char* name, Instant& value) {
    if (const auto instant = ParseRfc3339(from.value(name, std::string{}))) value = *instant;
  }
  static void Read(const json& from, const char* name, std::optional<Instant>& value) {
    value = ParseRfc3339(from.value(name, std::string{}));
  }
  static void Read(const json& from, const char* name, std::optional<std::int64_t>& value) {
    if (from.contains(name)) value = from.at(name).get<std::int64_t>();
  }
  template <class Value>
  static void Read(const json& from, const char* name, Value& value) {
    value = from.value(name, value);
  }
};

template <class Cursor, class Visit>
void ForEachField(Cursor& cursor, const Visit& visit) {
  visit("first_load", cursor.first_load);
  visit("cutoff", cursor.cutoff);
  visit("from", cursor.from);
  visit("first_began", cursor.first_began);
  visit("note", cursor.note);
  visit("unsound", cursor.unsound);
  visit("walk", cursor.walk);
  visit("page", cursor.page);
  visit("after", cursor.after);
  visit("began", cursor.began);
  visit("met", cursor.met);
  visit("nameless", cursor.nameless);
  visit("strangers", cursor.strangers);
  visit("disturbed", cursor.disturbed);
  visit("met_before", cursor.met_before);
  visit("missing", cursor.missing);
  visit("waiting_marked", cursor.waiting_marked);
  visit("confirm_until", cursor.confirm_until);
}

}  // namespace

void SweepCursor::StartWalk(int number, Instant now) {
  if (number == 1) first_began = now;
  walk = number;
  page = 1;
  after.clear();
  began = now;
  list = ListWatch{};
  met = nameless = strangers = 0;
  disturbed.clear();
}

json SweepCursor::AsJson() const {
  json object = json::object();
  for (const auto& [one, name] : kPhases) {
    if (one == phase) object["phase"] = name;
  }
  object["list"] = list.AsJson();
  ForEachField(*this, [&](const char* name, const auto& value) { Fields::Write(object, name, value); });
  return object;
}

SweepCursor SweepCursor::FromJson(const json& object) {
  SweepCursor cursor;
  for (const auto& [one, name] : kPhases) {
    if (object.value("phase", std::string{}) == name) cursor.phase = one;
  }
  // A cursor without a list comes from an earlier release in the middle of a walk. Walking anew loses nothing.
  if (cursor.phase == SweepPhase::kWalk && !object.contains("list")) cursor.phase = SweepPhase::kBegin;
  cursor.list = ListWatch::FromJson(object.value("list", json()));
  ForEachField(cursor, [&](const char* name, auto& value) { Fields::Read(object, name, value); });
  if (!object.contains("first_began")) cursor.first_began = cursor.began;
  return cursor;
}

}  // namespace membridge::sync
