// Several processes on one database: roles shared out by `serve --only`, and a rolling restart behind nginx.
#include <fmt/format.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <stdexcept>
#include <thread>

#include "sync/embedded/child_process.hpp"
#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;

/// deploy/nginx/membridge-nodes.conf in front of these bridges, without TLS.
class NodesProxy {
 public:
  explicit NodesProxy(const std::vector<const test::Bridge*>& nodes) : port_(test::FreePort()) {
    std::ifstream example{MEMBRIDGE_SOURCE "/deploy/nginx/membridge-nodes.conf"};
    std::string site{std::istreambuf_iterator<char>{example}, {}};
    std::string servers;
    for (const test::Bridge* node : nodes) servers += fmt::format("server {} max_fails=0;\n", node->Url().substr(7));
    const std::size_t one = site.find("server 10.0.0.11:8080 max_fails=0;");
    const std::size_t two = site.find("server 10.0.0.12:8080 max_fails=0;");
    if (one == std::string::npos || two == std::string::npos) throw std::runtime_error("the example has other servers");
    site.replace(two, 34, "");
    site.replace(one, 34, servers);
    site = std::regex_replace(site, std::regex{"listen 443 ssl;"}, fmt::format("listen 127.0.0.1:{};", port_));
    site = std::regex_replace(site, std::regex{"\\n *ssl_[^\\n]*"}, "");
    const std::string at = folder_.path();
    std::ofstream{folder_.path() / "site.conf"} << site;
    std::ofstream main{folder_.path() / "nginx.conf"};
    main << fmt::format("daemon off;\nworker_processes 1;\npid {0}/pid;\nerror_log {0}/error;\nevents {{}}\nhttp {{\n", at);
    for (const char* what : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
      main << fmt::format("{}_temp_path {}/{};\n", what, at, what);
    main << fmt::format("include {}/site.conf;\n}}\n", at);
    main.close();
    sync::ChildOptions options;
    options.command = {"/usr/sbin/nginx", "-p", at, "-e", at + "/error", "-c", at + "/nginx.conf"};
    options.output = folder_.path() / "output";
    options.death_signal = SIGTERM;
    auto child = sync::Child::Start(options);
    if (!child) throw std::runtime_error(child.error().message);
    child_.emplace(std::move(*child));
    if (!test::WaitUntil([&] { return test::HttpClient{}.Get(Url() + "/").status == 404; }))
      throw std::runtime_error("nginx did not start");
  }
  ~NodesProxy() {
    child_->Signal(SIGTERM);
    child_->Wait(10s);
  }
  NodesProxy(const NodesProxy&) = delete;
  NodesProxy& operator=(const NodesProxy&) = delete;
  std::string Url() const { return fmt::format("http://127.0.0.1:{}", port_); }

 private:
  int port_;
  test::ScratchFolder folder_;
  std::optional<sync::Child> child_;
};

/// Posts deliveries about these memories until told to stop.
struct NodesSender {
  std::map<int, int> answers;          // by status
  std::set<std::string> acknowledged;  // ids of deliveries, as the bridges said them

  void Send(const std::string& url, const std::vector<std::string>& memories, const std::atomic<bool>& stop) {
    test::HttpClient client;
    for (std::size_t i = 0; !stop; ++i) {
      const nlohmann::json delivery{{"event_details", {{"id", memories[i % memories.size()]}, {"event", "UPDATE"}}}};
      const auto answer = client.Post(url, delivery.dump());
      ++answers[answer.status];
      if (answer.status == 200) acknowledged.insert(nlohmann::json::parse(answer.body).at("delivery"));
    }
  }
};

test::BridgeOptions RoleOf(World& world, const char* only, const std::string& public_url = {}) {
  test::BridgeOptions options = world.Options();
  options.only = only;
  options.manage = true;
  options.public_url = public_url;
  options.admin_tokens = "[{name: ops, role: admin, token: 0123456789abcdef}]";
  options.backfill = "[{name: repair, project: crm, sweep: incremental, schedule: \"0 0 1 1 *\"}]";
  return options;
}

}  // namespace

TEST_CASE("four processes with a role each do together what one process does", "[e2e][nodes]") {
  World world{SeedOfRun()};
  world.PretendAnotherListens();
  test::Bridge receiver{RoleOf(world, "receiver")};
  test::Bridge worker{RoleOf(world, "worker", receiver.Url())};
  test::Bridge scheduler{RoleOf(world, "scheduler", receiver.Url())};
  test::Bridge admin{RoleOf(world, "admin", receiver.Url())};
  receiver.Start();
  test::HttpClient client;
  const std::string url = world.Subscribe(receiver);

  // Alone, a receiver stores, and neither applies nor tells of a standstill.
  const std::string ada = world.Mem0().Add("ada", "Name is Ada Lovelace");
  REQUIRE(test::WaitUntil([&] { return world.Database().Count("membridge.dirty") == 1; }));
  CHECK(world.Database().Count("crm.contacts") == 0);
  CHECK(client.Get(receiver.AdminUrl() + "/healthz").status == 200);
  CHECK(client.Get(receiver.AdminUrl() + "/").status == 404);
  CHECK(client.Get(receiver.AdminUrl() + "/api/v1/session").status == 404);
  CHECK(receiver.Metric("membridge_degraded{reason=\"standstill\"}") == 0);

  worker.Start();
  CHECK(test::WaitUntil([&] { return world.Database().Count("crm.contacts WHERE name = 'Ada Lovelace'") == 1; }));
  CHECK(client.Get(worker.Url() + "/healthz").status == 0);  // nothing listens for deliveries
  CHECK(client.Get(worker.AdminUrl() + "/").status == 404);

  // What no delivery told is found by the scheduler, which also looks after the webhook.
  world.Mem0().Add("grace", "Name is Grace Hopper", nullptr, {}, false);
  admin.Start();
  const auto ran = client.Call("POST", admin.AdminUrl() + "/api/v1/backfills/repair/runs", "{}",
                               {"Content-Type: application/json", "Authorization: Bearer 0123456789abcdef"});
  CAPTURE(ran.body);
  CHECK(ran.status / 100 == 2);
  CHECK(client.Get(admin.AdminUrl() + "/").status == 200);
  CHECK(client.Get(admin.Url() + "/healthz").status == 0);
  CHECK(world.Database().Count("crm.contacts") == 1);
  scheduler.Start();
  CHECK(test::WaitUntil([&] { return world.Database().Count("crm.contacts WHERE name = 'Grace Hopper'") == 1; }));
  CHECK(test::WaitUntil([&] {
    return scheduler.Metric("membridge_webhook_checks_total{outcome=\"ok\",project=\"crm\"}").value_or(0) +
               admin.Metric("membridge_webhook_checks_total{outcome=\"ok\",project=\"crm\"}").value_or(0) >
           0;
  }));
  REQUIRE(world.WaitSettled());
  CHECK(world.WrongRows() == std::vector<std::string>{});
  for (test::Bridge* bridge : {&receiver, &worker, &scheduler, &admin}) {
    CHECK(bridge->Terminate() == std::optional<int>{0});
    const std::string log = bridge->Log();
    CAPTURE(log);
    CHECK(log.find("\"level\":\"error\"") == std::string::npos);
  }
}

TEST_CASE("--only takes roles there are, and a database that others reach", "[e2e][nodes]") {
  World world{SeedOfRun()};
  const test::Bridge bridge{RoleOf(world, "worker")};
  const auto unknown = test::RunMembridge({"serve", "--config", bridge.ConfigFile(), "--only", "reciever"});
  CHECK(unknown.status == 2);
  CHECK(unknown.err.find("receiver") != std::string::npos);
  test::BridgeOptions options = RoleOf(world, "worker");
  options.database = "embedded";
  const test::Bridge embedded{options};
  const auto alone = test::RunMembridge({"serve", "--config", embedded.ConfigFile(), "--only", "worker,admin"});
  CHECK(alone.status == 2);
  CHECK(alone.err.find("--only needs a database that the other processes reach") != std::string::npos);
}

TEST_CASE("bridges behind nginx are restarted one after the other, and no delivery is refused", "[e2e][nodes]") {
  World world{SeedOfRun()};
  world.PretendAnotherListens();
  test::Bridge one{world.Options()};
  test::Bridge two{world.Options()};
  one.Start();
  two.Start();
  const NodesProxy proxy{{&one, &two}};
  const std::string url = world.Subscribe(one, proxy.Url());
  REQUIRE(test::WaitUntil([&] {
    return test::HttpClient{}.Post(one.Url() + url.substr(proxy.Url().size()), "").status == 400 &&
           test::HttpClient{}.Post(two.Url() + url.substr(proxy.Url().size()), "").status == 400;
  }));
  constexpr int kUsers = 40;
  std::vector<std::string> memories;
  for (int i = 0; i < kUsers; ++i)
    memories.push_back(world.Mem0().Add(fmt::format("user-{}", i), fmt::format("Name is Person {}", i), nullptr, {}, false));

  std::atomic<bool> stop{false};
  std::array<NodesSender, 4> senders;
  std::vector<std::thread> threads;
  for (NodesSender& sender : senders) threads.emplace_back([&] { sender.Send(url, memories, stop); });
  const auto stored = [&] { return world.Database().Count("membridge.deliveries"); };
  for (int round = 0; round < 3; ++round) {
    for (test::Bridge* bridge : {&one, &two}) {
      const auto before = stored();
      CHECK(test::WaitUntil([&] { return stored() >= before + 100; }));
      CHECK(bridge->Terminate() == std::optional<int>{0});
      const auto without = stored();
      CHECK(test::WaitUntil([&] { return stored() >= without + 100; }));  // the other one goes on alone
      bridge->Start();
    }
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  REQUIRE(world.WaitSettled());

  std::map<int, int> answers;
  std::set<std::string> acknowledged;
  for (const NodesSender& sender : senders) {
    for (const auto& [status, count] : sender.answers) answers[status] += count;
    acknowledged.insert(sender.acknowledged.begin(), sender.acknowledged.end());
  }
  const auto kept = nlohmann::json::parse(world.Database().Value("SELECT coalesce(json_agg(id), '[]') FROM membridge.deliveries"))
                        .get<std::vector<std::string>>();
  const auto applied = world.Database().Count("crm.contacts WHERE name LIKE 'Person %'");
  WARN("rolling restart: " << answers[200] << " deliveries sent and acknowledged, " << kept.size() << " stored, " << applied
                           << " of " << kUsers << " memories applied");
  answers.erase(200);
  CHECK(answers == std::map<int, int>{});
  CHECK(std::set<std::string>(kept.begin(), kept.end()) == acknowledged);
  CHECK(kept.size() == acknowledged.size());
  CHECK(applied == kUsers);
  CHECK(world.WrongRows() == std::vector<std::string>{});
}

}  // namespace membridge::e2e
