#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "mappings/base/result.hpp"

namespace membridge::sync {

/// The bridge's own refusal of a source; cause and hint are for the operator.
struct Refusal : std::runtime_error {
  Refusal(ErrorCode code_, const std::string& cause, std::string hint_)
      : std::runtime_error(cause), code(code_), hint(std::move(hint_)) {}
  ErrorCode code;
  std::string hint;
};

}  // namespace membridge::sync
