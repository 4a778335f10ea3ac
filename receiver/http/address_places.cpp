#include "receiver/http/address_places.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string_view>

namespace membridge::receiver::http {
namespace {

/// Returns the key to count by: an IPv4 address as it is; for an IPv6 address its 64-bit network, which usually belongs to one
/// client.
std::string NetworkOf(const std::string& address) {
  constexpr std::size_t kNetworkBytes = 8;
  in6_addr bytes{};
  if (inet_pton(AF_INET6, address.c_str(), &bytes) != 1) return address;
  return {reinterpret_cast<const char*>(bytes.s6_addr), kNetworkBytes};
}

}  // namespace

bool IsLoopback(const std::string& peer_address) {
  return peer_address.starts_with("127.") || peer_address == "::1";
}

struct AddressPlaces::Place::Counts {
  std::mutex mutex;
  std::unordered_map<std::string, std::size_t> connections;  // guarded by mutex; an address without connections has no entry
};

AddressPlaces::Place::~Place() {
  if (counts_ == nullptr) return;
  const std::lock_guard lock{counts_->mutex};
  const auto found = counts_->connections.find(key_);
  if (--found->second == 0) counts_->connections.erase(found);
}

AddressPlaces::AddressPlaces(std::size_t most) : most_(most), counts_(std::make_shared<Place::Counts>()) {}

std::optional<AddressPlaces::Place> AddressPlaces::Take(const std::string& peer_address) {
  if (most_ == 0) return Place{};
  std::string key = NetworkOf(peer_address);
  {
    const std::lock_guard lock{counts_->mutex};
    const auto [entry, is_new] = counts_->connections.try_emplace(key, 0);
    if (entry->second >= most_) return std::nullopt;
    ++entry->second;
  }
  return Place{counts_, std::move(key)};
}

}  // namespace membridge::receiver::http
