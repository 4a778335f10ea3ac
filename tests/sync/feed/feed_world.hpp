#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sync/feed/control.hpp"
#include "sync/feed/position.hpp"
#include "sync/feed/poster.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/endpoint_stub.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::test {

/// A clock that stands until it is moved.
class FeedClock final : public Clock {
 public:
  Instant Now() const override { return now; }
  Instant now = ParseRfc3339("2026-11-30T12:00:00Z").value();
};

/// A feed with an endpoint, and a poster that is driven by hand. Entries are written as the transactions of the bridge write
/// them.
struct FeedWorld {
  explicit FeedWorld(std::function<EndpointStub::Reply(const EndpointStub::Request&)> answer = {}) : stub(std::move(answer)) {
    endpoint.name = "crm";
    endpoint.url = stub.Url();
    endpoint.signer = std::make_shared<const sync::Signer>(*sync::Signer::From({"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}));
  }

  void Change(const std::string& table, int key, int value) { Change(there, table, key, value); }
  template <class Runs>
  static void Change(Runs& runs, const std::string& table, int key, int value) {
    runs.Run(
        "INSERT INTO membridge.changes (id, project, mapping, relation, key, op, cells) VALUES (gen_random_uuid(), 'crm', "
        "'contacts', $1, "
        "jsonb_build_object('id', $2::int), 'update', jsonb_build_object('v', jsonb_build_object('new', $3::int)))",
        {"public." + table, std::to_string(key), std::to_string(value)});
  }
  sync::Poster::Step Post() {
    sync::FeedPosition{there, endpoint}.Enter();
    return sync::Poster{endpoint, clock}.PostNext(there);
  }
  /// Posts until nothing is left; how many messages arrived.
  int PostAll() {
    int posted = 0;
    while (true) {
      const auto step = Post();
      if (step.did == sync::Poster::Did::kNothing) return posted;
      REQUIRE(step.did == sync::Poster::Did::kPosted);
      ++posted;
    }
  }
  /// The values in the order in which they were posted, by row.
  std::map<std::string, std::vector<int>> Told() const {
    std::map<std::string, std::vector<int>> told;
    for (const auto& request : stub.Requests()) {
      const nlohmann::json data = nlohmann::json::parse(request.body)["data"];
      for (const nlohmann::json& change : data.contains("changes") ? data["changes"] : nlohmann::json::array({data}))
        told[change["relation"].get<std::string>() + change["key"].dump()].push_back(change["cells"]["v"]["new"].get<int>());
    }
    return told;
  }
  sync::FeedStanding Standing() { return sync::FeedControl{there, endpoint}.Standing(); }

  PgDatabase database;
  sync::postgres::Session there{database.Dsn()};
  FeedClock clock;
  EndpointStub stub;
  sync::Endpoint endpoint;
};

}  // namespace membridge::test
