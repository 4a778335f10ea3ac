#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tests/e2e/crm.hpp"
#include "tests/support/bridge.hpp"
#include "tests/support/mem0_sim.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::e2e {

/// The world of an end-to-end case: a local Mem0, a PostgreSQL server of its own with the example CRM in it, and the
/// configuration of bridges between the two. Nothing of it is shared with other cases.
class World {
 public:
  /// `seed` decides everything random: it is printed when a case fails, and MEMBRIDGE_E2E_SEED sets it.
  explicit World(std::uint64_t seed);

  test::Mem0Sim& Mem0() { return mem0_; }
  test::Cluster& Postgres() { return cluster_; }
  const test::PgDatabase& Database() const { return database_; }

  /// What a bridge between them is configured with.
  test::BridgeOptions Options() const;
  /// Makes Mem0 post to this bridge, with a token that is put into the database here; answers the whole URL. `via`: the address
  /// of a proxy in front of it.
  std::string Subscribe(const test::Bridge& bridge, const std::string& via = {});
  /// The token Subscribe() made, for looking whether it leaked.
  const std::string& Token() const { return token_; }

  /// Bridges sweep nothing after their starts, as if another process had listened all the while: then what they did not get by
  /// deliveries is missing in the end.
  void PretendAnotherListens();

  /// Waits until Mem0 has nothing to deliver and the bridge nothing to read: from here on nothing changes by itself.
  bool WaitSettled(std::chrono::milliseconds deadline = std::chrono::seconds{180});

  /// Where the tables differ from what Mem0's memories make of them, a line each: by our own reading, and by the auditor's.
  std::vector<std::string> WrongRows();

  /// What stands in a log and must not: the API key, the token, passwords, texts of memories, values of rows.
  std::vector<std::string> Leaks(const std::string& log);

 private:
  test::Mem0Sim mem0_;
  test::Cluster cluster_;
  test::PgDatabase database_;
  std::string token_;
};

/// A seed for this run: from MEMBRIDGE_E2E_SEED, else from the clock.
std::uint64_t SeedOfRun();

/// `changes` random changes to the memories of `users` people: most are new, some corrected, categorised, superseded, expired or
/// deleted.
void Live(World& world, Chatter& chatter, int users, int changes);

}  // namespace membridge::e2e
