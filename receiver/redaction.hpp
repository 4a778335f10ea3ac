#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "receiver/http/message.hpp"

namespace membridge::receiver {

/// Returns the headers in the form that may be stored and shown: `{"name": "value"}` with names in lower case and repeated
/// headers joined by ", ". The value is "[redacted]" when the header's name suggests a credential, or when the value contains one
/// of `secrets`, because proxies often repeat the URL in headers. Bytes that are not ASCII are read as Latin-1. Thread-safe.
nlohmann::json RedactedHeaders(const std::vector<http::Header>& headers, const std::vector<std::string_view>& secrets);

}  // namespace membridge::receiver
