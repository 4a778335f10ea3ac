#include <cstdint>
#include <cstdlib>
#include <string>

#include "mappings/base/utf8.hpp"
#include "mappings/memory.hpp"
#include "sync/mem0/answer.hpp"
#include "sync/mem0/complaint.hpp"
#include "sync/mem0/redact.hpp"
#include "sync/mem0/retry_after.hpp"

namespace {

using namespace membridge;

void ReadAsList(const std::string& text) {
  const auto list = sync::mem0::ParseList(text);
  const auto whole = sync::mem0::ParseJson(text);
  if (!list) return;
  // What can be read as a whole loses no record, and none of them is broken.
  if (whole && !list->broken.empty()) std::abort();
  if (whole && whole->is_array() && list->results.size() != whole->size()) std::abort();
  for (const nlohmann::json& record : list->results) {
    const auto memory = mappings::ReadMemory(record);
    if (!memory) continue;
    const std::string said = memory->record.dump();  // throws when a text is not UTF-8 any more
    if (said.find("\\u0000") != std::string::npos && said.find("\\\\u0000") == std::string::npos) std::abort();
    const auto again = mappings::ReadMemory(memory->record);
    if (!again || mappings::DigestOf(*again) != mappings::DigestOf(*memory)) std::abort();
  }
}

void ReadAsRefusal(const std::string& text) {
  const auto complaint = sync::mem0::ReadComplaint(text);
  if (complaint.text.size() > sync::mem0::kComplaintBytes) std::abort();
  for (const std::string& shown : {complaint.text, sync::mem0::JoinFields(complaint.fields), sync::mem0::OneLine(text, 40)}) {
    if (mappings::FirstBadByte(shown) != std::string_view::npos) std::abort();
    for (const char c : shown) {
      if (static_cast<unsigned char>(c) < ' ') std::abort();
    }
  }
  static_cast<void>(sync::mem0::RedactUrlsIn(text));
  const Instant now{std::chrono::seconds{1'770'000'000}};
  const auto wait = sync::mem0::ParseRetryAfter(text, now);
  if (wait && (wait->count() < 0 || *wait > sync::mem0::kLongestRetryAfter)) std::abort();
  static_cast<void>(sync::mem0::RetryAfterInWords(text));
}

}  // namespace

// Any bytes as Mem0's answer, or as a refusal of whoever stands in between: records are read one by one, nothing throws, and what
// is shown of a refusal is one line of text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text{reinterpret_cast<const char*>(data), size};
  ReadAsList(text);
  ReadAsRefusal(text);
  return 0;
}
