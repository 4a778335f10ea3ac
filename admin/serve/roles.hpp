#pragma once

#include <string>
#include <vector>

namespace membridge::admin {

/// What one process does of all that `serve` does. Several processes on one database share the work out; health and metrics are
/// answered by each.
struct ServeRoles {
  bool receiver = true;   ///< takes deliveries
  bool worker = true;     ///< reads memories and writes rows
  bool scheduler = true;  ///< sweeps, exports, housekeeping, canaries; keeps webhooks
  bool admin = true;      ///< page and API; keeps webhooks, too, because it shows how they stand

  bool All() const { return receiver && worker && scheduler && admin; }
  /// `receiver`, `worker`, … in that order.
  std::vector<std::string> Names() const;
  /// Only these; names that are none of AllNames() are passed over. An empty list means all.
  static ServeRoles Only(const std::vector<std::string>& names);
  static const std::vector<std::string>& AllNames();
};

}  // namespace membridge::admin
