#include "mappings/base/letter_case.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <locale>

namespace membridge {

std::string LoweredAscii(std::string_view text) {
  return boost::algorithm::to_lower_copy(std::string{text}, std::locale::classic());
}

}  // namespace membridge
