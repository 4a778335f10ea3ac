#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace membridge::sync {

/// What a delivery says a memory is now, as a hash: Delivery::announced. Nothing is mapped from it. It only tells whether a
/// record that was read already shows the change that was announced, so that it need not be read once more. 32 hex digits of a
/// SHA-256; of labels without regard to their order.
std::string HashOfText(std::string_view text);
std::string HashOfLabels(std::vector<std::string> labels);

/// Whether the record is what was announced of the memory. `told` is Claim::told: `UPDATE`, and a hash where there was one; of a
/// CATEGORIZE it is of labels, else of the text.
bool Shows(const nlohmann::json& record, std::string_view told);

}  // namespace membridge::sync
