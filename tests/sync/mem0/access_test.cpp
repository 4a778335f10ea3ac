#include "sync/mem0/access.hpp"

#include <mutex>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/sync/mem0/calling.hpp"

namespace membridge::sync::mem0 {
namespace {

/// A key file, and a state that knows one project.
struct Guarded {
  Guarded() {
    Access::Options options;
    options.key = mem0.ApiKey();
    options.read_key = [this] {
      const std::lock_guard lock{mutex};
      return file;
    };
    options.recognise = [this](const Account& account) -> Result<void> {
      const std::lock_guard lock{mutex};
      if (known.empty()) known = account.project_id;
      if (known == account.project_id) return {};
      return Fail(ErrorCode::kUnauthorized, "the key is of " + account.project_id + ", known is " + known, "adopt it");
    };
    options.changed = [this](const Access::State& state) { standings.push_back(state.standing); };
    options.every = 1h;
    options.again = 1ms;
    access = std::make_shared<Access>(options);
  }
  Client NewClient() const {
    Client::Options options = OptionsFor(mem0);
    options.api_key.clear();
    options.access = access;
    return Client{options, std::make_shared<CallBudget>(10'000, 10'000)};
  }
  void Write(const std::string& key) {
    const std::lock_guard lock{mutex};
    file = key;
  }

  Mem0Sim mem0;
  std::mutex mutex;
  std::string file = mem0.ApiKey();
  std::string known;
  std::vector<Access::Standing> standings;
  std::shared_ptr<Access> access;
};

}  // namespace

TEST_CASE("whose key it is is asked once, before the first call", "[mem0][sim][M2]") {
  Guarded guarded;
  Client client = guarded.NewClient();
  std::vector<std::jthread> others;
  for (int i = 0; i < 4; ++i)
    others.emplace_back([&] {
      Client other = guarded.NewClient();
      CHECK(other.ReadMany({kNobody}));
    });
  CHECK(client.ReadMany({kNobody}));
  others.clear();
  CHECK(guarded.mem0.Calls("ping") == 1);
  CHECK(guarded.known == guarded.mem0.ProjectId());
  CHECK_FALSE(client.OfOtherProject());
}

TEST_CASE("no call is made with a key of another project, until it is adopted", "[mem0][sim][M2]") {
  Guarded guarded;
  Client client = guarded.NewClient();
  const std::string id = guarded.mem0.Add("ada", "Likes tea", nullptr, {}, false);
  REQUIRE(client.ReadOne(MemoryId{id}));
  guarded.mem0.GiveKey("m0-other", "proj_other");
  guarded.Write("m0-other");
  CHECK(guarded.access->ReadKeyAgain());
  guarded.mem0.ResetCalls();
  for (int i = 0; i < 3; ++i) {
    const auto read = client.ReadOne(MemoryId{id});
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::kUnauthorized);
    CHECK(read.error().message.find("the key is of proj_other") != std::string::npos);
    CHECK(client.ReadMany({MemoryId{id}}).error().code == ErrorCode::kUnauthorized);
    CHECK(client.ListMemories(Filter::Everything(), 1).error().code == ErrorCode::kUnauthorized);
    CHECK(client.ListEntities(1).error().code == ErrorCode::kUnauthorized);
    CHECK(client.GetExport("e").error().code == ErrorCode::kUnauthorized);
    CHECK(client.ListWebhooks("proj_test").error().code == ErrorCode::kUnauthorized);
    CHECK(client.DeleteMemory(MemoryId{id}).error().code == ErrorCode::kUnauthorized);
  }
  CHECK(guarded.mem0.Calls("") == guarded.mem0.Calls("ping"));
  REQUIRE(client.OfOtherProject());
  CHECK(guarded.access->Now().standing == Access::Standing::kOtherProject);
  CHECK(guarded.standings == std::vector{Access::Standing::kRecognised, Access::Standing::kOtherProject});

  guarded.known = "proj_other";  // adopted
  CHECK(test::Eventually([&] { return client.ReadOne(MemoryId{id}).error().code == ErrorCode::kNotFound; }));
  CHECK_FALSE(client.OfOtherProject());
}

TEST_CASE("a revoked key is told once, and the next key in the file is used without a restart", "[mem0][sim][M4]") {
  Guarded guarded;
  Client client = guarded.NewClient();
  const std::string id = guarded.mem0.Add("ada", "Likes tea", nullptr, {}, false);
  REQUIRE(client.ReadOne(MemoryId{id}));
  guarded.mem0.GiveKey("m0-next", guarded.mem0.ProjectId());
  guarded.mem0.RevokeKey(guarded.mem0.ApiKey());
  SECTION("the new key is there already") {
    guarded.Write("m0-next");
    CHECK(client.ReadOne(MemoryId{id}));  // refused, read again, asked whose it is, repeated
    CHECK(guarded.standings.size() == 2);
  }
  SECTION("the new key comes later") {
    for (int i = 0; i < 5; ++i) {
      const auto refused = client.ReadOne(MemoryId{id});
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == ErrorCode::kUnauthorized);
    }
    CHECK(guarded.access->Now().standing == Access::Standing::kKeyRefused);
    CHECK(guarded.standings == std::vector{Access::Standing::kRecognised, Access::Standing::kKeyRefused});
    guarded.Write("m0-next");
    CHECK(guarded.access->ReadKeyAgain());
    CHECK(client.ReadOne(MemoryId{id}));
    CHECK(guarded.access->Now().standing == Access::Standing::kRecognised);
  }
  CHECK(guarded.access->Key() == "m0-next");
}

TEST_CASE("while nobody can tell whose a new key is, it is not used", "[mem0][sim][M2]") {
  Guarded guarded;
  Client client = guarded.NewClient();
  const std::string id = guarded.mem0.Add("ada", "Likes tea", nullptr, {}, false);
  const auto in_vain = [&](int status, const std::string& body) {
    guarded.mem0.SetFaults({{"next", {{{"endpoint", "ping"}, {"times", 100}, {"status", status}, {"body", body}}}}});
    guarded.mem0.ResetCalls();
    CHECK(client.ReadOne(MemoryId{id}).error().code == ErrorCode::kUnavailable);
    CHECK(guarded.mem0.Calls("memories.get") == 0);
  };
  in_vain(503, "{}");
  in_vain(200, "<html>Accept the terms</html>");
  in_vain(404, R"({"message":"no Route matched"})");
  guarded.mem0.ClearFaults();
  CHECK(client.ReadOne(MemoryId{id}));
  // Once it is recognised, Mem0's silence about it stops nothing.
  guarded.mem0.SetFaults({{"next", {{{"endpoint", "ping"}, {"times", 100}, {"status", 503}, {"body", "{}"}}}}});
  CHECK(client.ReadOne(MemoryId{id}));
}

}  // namespace membridge::sync::mem0
