#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include "receiver/http/connection.hpp"
#include "receiver/http/listener.hpp"
#include "receiver/http/server.hpp"

namespace membridge::receiver::http {

/// The state that the I/O threads of one server share. Thread-safe.
struct Shared {
  Shared(Limits granted, Hooks given) : limits(granted), hooks(std::move(given)), addresses(granted.max_per_address) {}

  Limits limits;
  const Hooks hooks;
  AddressPlaces addresses;
  HeldBytes held;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> shed{0};
  std::atomic<std::uint64_t> address_full{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> malformed{0};
  std::atomic<std::uint64_t> too_large{0};
  std::atomic<std::uint64_t> header_too_large{0};
  std::atomic<std::uint64_t> no_room{0};
  std::atomic<std::uint64_t> too_slow{0};
  std::atomic<std::uint64_t> timed_out{0};

  /// Counts a request that was answered with this status before a handler saw it.
  void CountRefused(int status);
  /// Counts one connection fewer and signals `quiet`.
  void CountGone();

  std::mutex mutex;
  std::condition_variable quiet;  // signalled when `listening` may have become false or `connections` zero
  bool listening = true;          // guarded by mutex
};

}  // namespace membridge::receiver::http
