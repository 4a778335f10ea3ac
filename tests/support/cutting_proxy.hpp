#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <thread>

namespace membridge::test {

/// Stands in front of a PostgreSQL on a Unix socket and cuts every connection after so many bytes, as a network or a server does
/// that dies in the middle of a message. One connection at a time, relayed by a thread of its own.
class CuttingProxy {
 public:
  static constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

  /// In front of `server_socket`; listens as .s.PGSQL.5432 in a new folder, gone with the object.
  explicit CuttingProxy(std::filesystem::path server_socket);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  /// The `host` of a DSN that leads here.
  const std::string& Host() const { return folder_; }
  /// From now on connections get this far: bytes from client to server, and from server to client.
  void CutAfter(std::size_t to_server, std::size_t to_client);
  /// Bytes the connection relayed last has passed so far.
  std::size_t PassedToServer() const { return to_server_passed_; }
  std::size_t PassedToClient() const { return to_client_passed_; }

 private:
  void Serve(std::stop_token stop);
  void Relay(std::stop_token stop, int client);

  std::string folder_;
  std::filesystem::path server_socket_;
  int listening_ = -1;
  std::atomic<std::size_t> to_server_limit_ = kNever, to_client_limit_ = kNever;
  std::atomic<std::size_t> to_server_passed_ = 0, to_client_passed_ = 0;
  std::jthread thread_;  // last: it uses everything above
};

}  // namespace membridge::test
