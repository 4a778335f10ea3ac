#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/e2e/world.hpp"

namespace membridge::e2e {

/// A table of profiles that is kept by exports, beside the example CRM, and the backfills that keep both.
class Profiles {
 public:
  explicit Profiles(World& world);

  /// World::Options() with the mapping `profile` and this `backfill:`.
  test::BridgeOptions Options(const std::string& backfill) const;
  /// `user-00` … with a name, years and skills in the metadata of their one memory; nobody is told.
  void AddUsers(int users);
  std::string Cell(const std::string& column, const std::string& user) const;

 private:
  World& world_;
  test::ScratchFolder folder_;
};

/// Runs a command on the configuration of this bridge and reads the JSON it prints; throws when it does not end with `status`.
nlohmann::json JsonOf(const test::Bridge& bridge, std::vector<std::string> command, int status = 0);
/// The newest run of a backfill, as `backfill status --json` tells it; null when there is none.
nlohmann::json NewestRun(const test::Bridge& bridge, const std::string& name);

}  // namespace membridge::e2e
