#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace membridge::receiver::http {

/// Whether the address is a loopback address, so that the client is on this machine.
bool IsLoopback(const std::string& peer_address);

/// Counts the open connections of each client address, so that one address cannot take all places. IPv6 addresses are counted by
/// their first 64 bits, because a client chooses the rest itself. Thread-safe.
class AddressPlaces {
 public:
  /// One counted connection; the destructor gives the place back.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : counts_(std::exchange(other.counts_, nullptr)), key_(std::move(other.key_)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(counts_, other.counts_);
      std::swap(key_, other.key_);
      return *this;
    }
    ~Place();

   private:
    friend class AddressPlaces;
    struct Counts;
    Place(std::shared_ptr<Counts> counts, std::string key) : counts_(std::move(counts)), key_(std::move(key)) {}

    std::shared_ptr<Counts> counts_;  // shared, because a place may outlive its server
    std::string key_;
  };

  /// `most`: connections of one address; 0: no bound.
  explicit AddressPlaces(std::size_t most);

  /// Takes a place for a connection from `peer_address` ("192.0.2.7", "2001:db8::7"). Returns nothing when the address has as
  /// many as it may have.
  std::optional<Place> Take(const std::string& peer_address);

 private:
  const std::size_t most_;
  const std::shared_ptr<Place::Counts> counts_;
};

}  // namespace membridge::receiver::http
