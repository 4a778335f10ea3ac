#pragma once

#include <string>
#include <vector>

namespace membridge::admin {

/// The parts of `serve` that one process does. Several processes on one database can divide the work. Each of them answers health
/// and metrics.
struct ServeRoles {
  bool receiver = true;   ///< takes deliveries
  bool worker = true;     ///< reads memories and writes rows
  bool scheduler = true;  ///< sweeps, exports, housekeeping, canaries, feeds; keeps webhooks
  bool admin = true;      ///< page and API; also keeps webhooks, because it shows their state

  bool All() const { return receiver && worker && scheduler && admin; }
  /// Returns the names of the roles, in the order above: `receiver`, `worker`, …
  std::vector<std::string> Names() const;
  /// Returns only these roles; an empty list means all. Names that are not in AllNames() are ignored.
  static ServeRoles Only(const std::vector<std::string>& names);
  static const std::vector<std::string>& AllNames();
};

}  // namespace membridge::admin
