#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace membridge::sync::mem0 {

/// Returns a webhook's address without its token: `https://bridge.example.com/webhooks/crm/***` when it lies under `prefix`, else
/// `https://host/***` without user, path, query and fragment. Text that is not an http or https address becomes `***`.
std::string RedactUrl(std::string_view url, std::string_view prefix = {});

/// Redacts every http(s) address in a text of a server, which may repeat what it was sent.
std::string RedactUrlsIn(std::string_view text);

/// Replaces every occurrence of a secret in `text` by ***. Skips secrets shorter than eight bytes, which would match by chance.
std::string Without(std::string text, const std::vector<std::string>& secrets);

}  // namespace membridge::sync::mem0
