#include "receiver/envelope.hpp"

#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

// Any bytes as the body of a delivery: never an exception, JSON is told from what is not, and every hint can be used as it is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace membridge::receiver;
  const std::string body{reinterpret_cast<const char*>(data), size};
  const Envelope envelope = ReadEnvelope(body);
  // The parser refuses numbers that no double holds and halves of surrogate pairs, and takes NUL for the end; JSON does neither.
  if (nlohmann::json::accept(body) && !envelope.is_json && body.find('\0') == std::string::npos) std::abort();
  const bool has_mark = body.starts_with("\xef\xbb\xbf");
  if (!has_mark && ReadEnvelope("[" + body + "\n,0]").is_json != envelope.is_json && !body.empty() &&
      body.find(',') == std::string::npos)
    std::abort();
  if (!envelope.is_json && !envelope.hints.empty()) std::abort();
  std::set<std::string> seen;
  for (const Hint& hint : envelope.hints) {
    const std::string& id = hint.memory.Text();
    if (id.empty() || id.size() > 128 || !seen.insert(id).second) std::abort();
    if (id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != std::string::npos)
      std::abort();
    if (id.front() == '_' || id.front() == '-') std::abort();
  }
  if (envelope.hints.empty() != (envelope.Verdict() == "uninterpretable")) std::abort();
  return 0;
}
