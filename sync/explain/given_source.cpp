#include "sync/explain/given_source.hpp"

#include <chrono>

#include "mappings/base/exact_json.hpp"
#include "mappings/memory.hpp"

namespace membridge::sync {
namespace {

using mappings::Mapping;
using nlohmann::json;

/// Returns a member of the document that is text, or else the given default.
std::string TextOf(const json& document, const char* member, const std::string& otherwise) {
  const auto found = document.find(member);
  return found != document.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

Source Speaking(std::string id, Instant stamp) {
  Source source;
  source.id = std::move(id);
  source.stamp = stamp;
  return source;
}

Result<Source> FromMemory(json record, Instant now) {
  if (!record.contains("id")) record["id"] = "memory";
  if (!record.contains("memory")) record["memory"] = "";
  if (!record.contains("updated_at")) record["updated_at"] = record.value("created_at", FormatRfc3339(now));
  auto memory = mappings::ReadMemory(record);
  if (!memory) return tl::unexpected<Error>(memory.error());
  Source source = Speaking(memory->id.Text(), memory->updated_at);
  source.speaks = memory->IsLive(std::chrono::floor<std::chrono::days>(now));
  source.names["memory"] = std::move(memory->record);
  return source;
}

Result<Source> FromExport(const json& answer, Instant now) {
  Source source = Speaking(TextOf(answer, "user_id", "user"), ParseRfc3339(TextOf(answer, "completed_at", "")).value_or(now));
  source.names["export"] = answer;
  return source;
}

Result<Source> FromEvent(json event, Instant now) {
  Source source = Speaking(TextOf(event, "id", "event"), ParseRfc3339(TextOf(event, "time", "")).value_or(now));
  json memory = event.contains("memory") && event["memory"].is_object() ? event["memory"] : json::object();
  if (memory.contains("memory")) memory["text"] = memory["memory"];
  source.memory = TextOf(memory, "id", "");
  event.erase("memory");
  source.names["event"] = std::move(event);
  source.names["memory"] = std::move(memory);
  return source;
}

}  // namespace

Result<Source> SourceFrom(Mapping::From from, const json& document, Instant now) {
  if (!document.is_object())
    return Fail(ErrorCode::kRefused, std::string{"it is "} + mappings::KindOf(document) + ", not an object");
  auto storable = mappings::Storable(document);
  if (!storable) return tl::unexpected<Error>(storable.error());
  if (from == Mapping::From::kExport) return FromExport(*storable, now);
  return from == Mapping::From::kEvent ? FromEvent(std::move(*storable), now) : FromMemory(std::move(*storable), now);
}

std::string NameOf(const Source& source) {
  const char* kind = source.names.contains("event") ? "event " : source.names.contains("export") ? "export " : "memory ";
  return kind + source.id;
}

}  // namespace membridge::sync
