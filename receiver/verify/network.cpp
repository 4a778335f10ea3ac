#include "receiver/verify/network.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace membridge::receiver {
namespace {

constexpr unsigned kAddressBits = 128;
constexpr unsigned kMappedBits = 96;

bool SharesPrefix(const IpAddress& left, const IpAddress& right, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(whole), right.begin())) return false;
  if (bits % 8 == 0) return true;
  const unsigned mask = (0xff00u >> (bits % 8)) & 0xffu;
  return ((left[whole] ^ right[whole]) & mask) == 0;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Reads an element of X-Forwarded-For, with or without a port, because some proxies add it.
std::optional<IpAddress> ReadForwarded(std::string_view text) {
  text = Trimmed(text);
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    return ReadIpAddress(std::string{text.substr(1, end - 1)});
  }
  if (std::count(text.begin(), text.end(), ':') == 1) text = text.substr(0, text.find(':'));
  return ReadIpAddress(std::string{text});
}

}  // namespace

std::optional<IpAddress> ReadIpAddress(const std::string& text) {
  IpAddress address{};
  if (text.find('\0') != std::string::npos) return std::nullopt;
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return address;
  std::array<unsigned char, 4> v4{};
  if (inet_pton(AF_INET, text.c_str(), v4.data()) != 1) return std::nullopt;
  address = {};
  address[10] = address[11] = 0xff;
  std::copy(v4.begin(), v4.end(), address.begin() + 12);
  return address;
}

std::string TextOf(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = address[10] == 0xff && address[11] == 0xff &&
                  std::all_of(address.begin(), address.begin() + 10, [](unsigned char byte) { return byte == 0; });
  inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? 12 : 0), text.data(), text.size());
  return text.data();
}

Result<Networks> Networks::Read(const std::vector<std::string>& texts) {
  Networks networks;
  for (const std::string& text : texts) {
    const auto refuse = [&text](const char* why) { return Fail(ErrorCode::kRefused, "'" + text + "' " + why); };
    const std::size_t slash = text.find('/');
    const auto address = ReadIpAddress(text.substr(0, slash));
    if (!address) return refuse("is not an IP address or network");
    const bool v4 = text.substr(0, slash).find(':') == std::string::npos;
    unsigned bits = kAddressBits;
    if (slash != std::string::npos) {
      const std::string digits = text.substr(slash + 1);
      const bool number = !digits.empty() && digits.size() <= 3 && digits.find_first_not_of("0123456789") == std::string::npos;
      bits = number ? static_cast<unsigned>(std::stoul(digits)) + (v4 ? kMappedBits : 0) : kAddressBits + 1;
      if (bits > kAddressBits) return refuse("has no valid prefix length");
    }
    for (unsigned bit = bits; bit < kAddressBits; ++bit) {
      if (((*address)[bit / 8] & (0x80u >> (bit % 8))) != 0) return refuse("has bits set beyond its prefix");
    }
    networks.networks_.push_back({*address, bits});
  }
  return networks;
}

bool Networks::Contains(const IpAddress& address) const {
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const Network& network) { return SharesPrefix(network.first, address, network.prefix_bits); });
}

std::optional<IpAddress> ClientAddress(const http::Request& request, const Networks& trusted_proxies) {
  std::optional<IpAddress> address = ReadIpAddress(request.peer_address);
  std::string forwarded;
  for (const http::Header& header : request.headers) {
    if (http::EqualsIgnoringCase(header.name, "X-Forwarded-For")) forwarded += (forwarded.empty() ? "" : ",") + header.value;
  }
  std::string_view rest = forwarded;
  while (address && trusted_proxies.Contains(*address) && !rest.empty()) {
    const std::size_t comma = rest.rfind(',');
    address = ReadForwarded(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(0, comma);
  }
  return address;
}

}  // namespace membridge::receiver
