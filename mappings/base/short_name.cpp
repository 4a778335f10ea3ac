#include "mappings/base/short_name.hpp"

#include "mappings/base/digest.hpp"

namespace membridge::mappings {

std::string ShortName(std::string_view name, std::size_t most) {
  if (name.size() <= most) return std::string{name};
  const std::string ending = "#sha256:" + Sha256Hex(name);
  std::size_t kept = most - ending.size();
  while (kept > 0 && (static_cast<unsigned char>(name[kept]) & 0xC0U) == 0x80U) --kept;  // never cut inside a character
  return std::string{name.substr(0, kept)} + ending;
}

}  // namespace membridge::mappings
