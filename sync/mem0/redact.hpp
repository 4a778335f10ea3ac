#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace membridge::sync::mem0 {

/// A webhook's address without its token: `https://bridge.example.com/webhooks/crm/***` when it lies under `prefix`, else
/// `https://host/***`, without user, path, query and fragment. Text that is no http or https address becomes `***`.
std::string RedactUrl(std::string_view url, std::string_view prefix = {});

/// Every http(s) address in a text redacted, for words of a server that may repeat what it was sent.
std::string RedactUrlsIn(std::string_view text);

/// `text` with every occurrence of a secret replaced by ***. Secrets shorter than eight bytes are left alone: they would match by
/// chance.
std::string Without(std::string text, const std::vector<std::string>& secrets);

}  // namespace membridge::sync::mem0
