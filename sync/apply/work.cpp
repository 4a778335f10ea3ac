#include "sync/apply/work.hpp"

namespace membridge::sync {

void SetSourceNames(Frame& frame, const Source& source, const nlohmann::json& vars, Instant now) {
  for (const auto& [name, value] : source.names.items()) frame.scope.Set(name, &value);
  frame.scope.Set("vars", &vars);
  frame.Set("now", FormatRfc3339(now));
}

}  // namespace membridge::sync
