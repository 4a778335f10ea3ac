#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "receiver/http/message.hpp"

namespace membridge::receiver {

/// The headers as they may be stored and shown: `{"name": "value"}` with names in lower case and repeated ones joined by ", ".
/// Whatever may be a credential by its name reads "[redacted]", as does every value in which one of `secrets` stands: proxies
/// like to repeat the URL in headers. Bytes that are not ASCII are read as Latin-1.
nlohmann::json RedactedHeaders(const std::vector<http::Header>& headers, const std::vector<std::string_view>& secrets);

}  // namespace membridge::receiver
