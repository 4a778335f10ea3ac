#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace membridge::receiver::http {

/// Whether a client is on this machine.
bool IsLoopback(const std::string& peer_address);

/// Counts the open connections of each client address, so that one address cannot take every place. IPv6 clients choose the
/// lower half of their address themselves, so they are counted by their first 64 bits. Thread-safe.
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

    std::shared_ptr<Counts> counts_;  // shared: a place may outlive the server it was counted by
    std::string key_;
  };

  /// `most`: connections of one address; 0: no bound.
  explicit AddressPlaces(std::size_t most);

  /// A place for a connection from `peer_address` ("192.0.2.7", "2001:db8::7"); nothing when the address has all it may have.
  std::optional<Place> Take(const std::string& peer_address);

 private:
  const std::size_t most_;
  const std::shared_ptr<Place::Counts> counts_;
};

}  // namespace membridge::receiver::http
