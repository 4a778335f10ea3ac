#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace membridge::sync {

/// Hashes what a delivery says a memory is now, for Delivery::announced: 32 hex digits of a SHA-256. The order of labels does not
/// matter. No row is made from the hash. It only tells whether a record that was read already shows the announced change, so that
/// it need not be read again.
std::string HashOfText(std::string_view text);
std::string HashOfLabels(std::vector<std::string> labels);

/// Whether the record shows the announced change. `told` is Claim::told: the event's type, such as `UPDATE`, and the hash where
/// there was one. The hash of a CATEGORIZE is over the labels, any other over the text.
bool Shows(const nlohmann::json& record, std::string_view told);

}  // namespace membridge::sync
