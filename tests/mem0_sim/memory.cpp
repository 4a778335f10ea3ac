#include "tests/mem0_sim/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

namespace membridge::mem0_sim {
namespace {

constexpr std::array<std::string_view, 4> kNames{"user", "agent", "app", "run"};
constexpr std::array<std::string_view, 4> kFields{"user_id", "agent_id", "app_id", "run_id"};

std::optional<EntityType> FindIn(const std::array<std::string_view, 4>& names, std::string_view name) {
  for (const EntityType type : kEntityTypes) {
    if (names[static_cast<std::size_t>(type)] == name) return type;
  }
  return std::nullopt;
}

void AppendKey(std::string& out, std::string_view key) {
  if (out.back() != '{') out += ',';
  out += '"';
  out += key;
  out += "\":";
}

void AppendStringOrNull(std::string& out, const std::string* text) {
  if (text == nullptr) {
    out += "null";
  } else {
    AppendJsonString(out, *text);
  }
}

/// What Mem0 derives from the creation time, in UTC.
void AppendStructuredAttributes(std::string& out, Instant created_at) {
  const Day day = std::chrono::floor<std::chrono::days>(created_at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{created_at - Instant{day}};
  const Day new_year{date.year() / std::chrono::January / 1};
  const auto day_of_year = (day - new_year).count() + 1;
  const std::chrono::weekday weekday{day};
  const auto month = static_cast<unsigned>(date.month());
  static constexpr std::array<std::string_view, 7> kDays{"sunday",   "monday", "tuesday", "wednesday",
                                                         "thursday", "friday", "saturday"};
  // The ISO week is the one that holds its Thursday.
  const Day thursday = day + std::chrono::days{4 - static_cast<int>(weekday.iso_encoding())};
  const Day first{std::chrono::year_month_day{thursday}.year() / std::chrono::January / 1};
  fmt::format_to(std::back_inserter(out),
                 R"({{"year":{},"month":{},"day":{},"hour":{},"minute":{},"day_of_week":"{}",)"
                 R"("week_of_year":{},"day_of_year":{},"quarter":{},"is_weekend":{}}})",
                 static_cast<int>(date.year()), month, static_cast<unsigned>(date.day()), time.hours().count(),
                 time.minutes().count(), kDays[weekday.c_encoding()], (thursday - first).count() / 7 + 1, day_of_year,
                 (month + 2) / 3, weekday.iso_encoding() >= 6);
}

std::string_view LifecycleOf(const Memory& memory) {
  if (memory.merged) return "merged";
  return memory.replaced_by ? "superseded" : "active";
}

}  // namespace

std::string_view NameOf(EntityType type) {
  return kNames[static_cast<std::size_t>(type)];
}
std::string_view FieldOf(EntityType type) {
  return kFields[static_cast<std::size_t>(type)];
}
std::optional<EntityType> EntityTypeNamed(std::string_view name) {
  return FindIn(kNames, name);
}
std::optional<EntityType> EntityTypeOfField(std::string_view field) {
  return FindIn(kFields, field);
}

nlohmann::json Memory::Metadata() const {
  return metadata.empty() ? nlohmann::json{} : nlohmann::json::parse(metadata);
}

std::string Lowered(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string MetadataText(const nlohmann::json& metadata) {
  return metadata.is_null() ? std::string{} : metadata.dump();
}

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<int>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void AppendRecord(std::string& out, const Memory& memory, RecordShape shape) {
  // Half of the records carry Pacific times and half UTC, as offsets vary in what Mem0 sends.
  const Zone zone = memory.id.bytes[15] % 2 == 0 ? Zone::kPacific : Zone::kUtc;
  out += '{';
  AppendKey(out, "id");
  AppendJsonString(out, memory.id.Text());
  AppendKey(out, "memory");
  AppendJsonString(out, *memory.text);
  for (const EntityType type : kEntityTypes) {
    AppendKey(out, type == EntityType::kRun && shape != RecordShape::kFound ? "session_id" : FieldOf(type));
    AppendStringOrNull(out, memory.Owner(type) == nullptr ? nullptr : &memory.Owner(type)->name);
  }
  AppendKey(out, "metadata");
  out += memory.metadata.empty() ? "null" : memory.metadata;
  AppendKey(out, "categories");
  out += memory.categories == nullptr ? "null" : nlohmann::json(*memory.categories).dump();
  AppendKey(out, "created_at");
  AppendJsonString(out, FormatAsMem0(memory.created_at, zone));
  AppendKey(out, "updated_at");
  AppendJsonString(out, FormatAsMem0(memory.updated_at, zone));
  AppendKey(out, "expiration_date");
  out += memory.expires_on ? '"' + FormatDay(*memory.expires_on) + '"' : "null";
  AppendKey(out, "structured_attributes");
  AppendStructuredAttributes(out, memory.created_at);
  AppendKey(out, "replaced_by");
  out += memory.replaced_by ? '"' + memory.replaced_by->Text() + '"' : "null";
  AppendKey(out, "synthesized");
  out += memory.synthesized ? "true" : "false";
  if (shape == RecordShape::kSingle) {
    AppendKey(out, "lifecycle_state");
    AppendJsonString(out, LifecycleOf(memory));
  }
  if (shape == RecordShape::kFound) {
    AppendKey(out, "score");
    out += "0.5";
  }
  out += '}';
}

nlohmann::json RecordOf(const Memory& memory, RecordShape shape) {
  std::string text;
  AppendRecord(text, memory, shape);
  return nlohmann::json::parse(text);
}

}  // namespace membridge::mem0_sim
