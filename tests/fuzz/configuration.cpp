#include <cstdint>
#include <cstdlib>
#include <string>

#include "admin/config/audit_keys.hpp"
#include "admin/config/config.hpp"
#include "admin/config/shown_config.hpp"

// Any bytes as membridge.yaml, and as a file of audit keys: a configuration comes out that can be shown without its secrets, or
// problems that say why not, each in a line a reader can print. The files it names do not exist.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace membridge;
  const std::string text{reinterpret_cast<const char*>(data), size};
  const admin::Environment environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "UNSET") return std::nullopt;
    return "value-of-" + name;
  };
  mappings::Diagnostics problems;
  const auto config = admin::ReadConfig("/nonexistent/membridge.yaml", text, environment, problems);
  if (config.has_value() == problems.HasErrors()) std::abort();
  for (const mappings::Diagnostic& one : problems.Sorted()) {
    if (one.Text().empty() || one.Text().find('\n') != std::string::npos) std::abort();
  }
  if (config) {
    static_cast<void>(admin::ShownConfig(*config).dump());
    if (config->projects.empty() || config->FindTarget("default") == nullptr) std::abort();
  }
  if (const auto keys = admin::AuditKeys::Read(text)) {
    if (keys->Newest().secret.size() < 32 || keys->Find(keys->Newest().id) != &keys->Newest()) std::abort();
  }
  return 0;
}
