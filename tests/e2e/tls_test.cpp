// Deliveries through the proxies that are shipped as examples: nginx with certificates made here, Caddy's files by its own check.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <stdexcept>

#include "admin/config/config.hpp"
#include "sync/embedded/child_process.hpp"
#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

std::string TextOfTls(const fs::path& file) {
  std::ifstream stream{file};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

std::string Replaced(std::string text, const std::string& what, const std::string& by) {
  const auto first = text.find(what);
  if (first == std::string::npos) throw std::runtime_error("the example does not hold " + what);
  for (auto at = first; at != std::string::npos; at = text.find(what, at + by.size())) text.replace(at, what.size(), by);
  return text;
}

/// What a program printed; its end has to be a good one.
std::string Output(const std::vector<std::string>& command, const fs::path& folder) {
  sync::ChildOptions options;
  options.command = command;
  options.output = folder / "output";
  fs::remove(folder / "output");
  auto child = sync::Child::Start(options);
  if (!child) throw std::runtime_error(child.error().message);
  const auto status = child->Wait(60s);
  const std::string said = TextOfTls(folder / "output");
  if (!status || *status != 0) throw std::runtime_error(command.front() + " failed: " + said);
  return said;
}

/// An authority, a server's certificate for 127.0.0.1 and a client's, with their keys, in a folder of their own.
class Certificates {
 public:
  Certificates() {
    std::ofstream{folder_.path() / "make"} << R"(set -eu
cd "$1"
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
key ca.key; openssl req -x509 -new -key ca.key -subj /CN=authority -days 2 -out clients.pem
for who in server client; do
  key $who.key
  openssl req -new -key $who.key -subj /CN=$who -out $who.csr
  printf 'subjectAltName=IP:127.0.0.1\n' > $who.ext
  openssl x509 -req -in $who.csr -CA clients.pem -CAkey ca.key -CAcreateserial -days 2 -extfile $who.ext -out $who.pem
done
)";
    Output({"/bin/sh", (folder_.path() / "make").string(), folder_.path().string()}, folder_.path());
  }
  std::string At(const char* name) const { return folder_.path() / name; }
  std::string Folder() const { return folder_.path().string() + "/"; }
  /// As `openssl x509 -fingerprint` tells it, and nginx and Caddy do: no colons, lower case.
  std::string Fingerprint(const std::string& algorithm) const {
    std::string said =
        Output({"/usr/bin/openssl", "x509", "-in", At("client.pem"), "-noout", "-fingerprint", "-" + algorithm}, folder_.path());
    said.erase(0, said.find('=') + 1);
    std::string plain;
    for (const char c : said) {
      if (std::isxdigit(static_cast<unsigned char>(c)) != 0) plain += static_cast<char>(std::tolower(c));
    }
    return plain;
  }

 private:
  test::ScratchFolder folder_;
};

/// Debian's nginx with one of the shipped examples, on a port of its own. It speaks to the bridge from 127.0.0.2, so that what
/// comes to the bridge from 127.0.0.1 did not come through it.
class Nginx {
 public:
  using Changes = std::vector<std::pair<std::string, std::string>>;
  Nginx(const std::string& example, const Certificates& certificates, const test::Bridge& bridge, const Changes& changes = {})
      : port_(test::FreePort()) {
    std::string site = TextOfTls(MEMBRIDGE_SOURCE "/deploy/nginx/" + example);
    for (const auto& [what, by] : changes) site = Replaced(site, what, by);
    site = Replaced(site, "listen 443 ssl", fmt::format("listen 127.0.0.1:{} ssl", port_));
    site = Replaced(site, "127.0.0.1:8080", bridge.Url().substr(7));
    site = Replaced(site, "/etc/ssl/membridge/", certificates.Folder());
    site = Replaced(site, "proxy_http_version 1.1;", "proxy_http_version 1.1; proxy_bind 127.0.0.2;");
    std::ofstream{folder_.path() / "site.conf"} << site;
    const std::string at = folder_.path();
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
    // Plain HTTP on a port that speaks TLS is answered 400.
    const std::string plain = fmt::format("http://127.0.0.1:{}/", port_);
    const bool up = test::WaitUntil([&] { return test::HttpClient{}.Get(plain).status == 400; });
    if (!up)
      throw std::runtime_error("nginx did not start: " + TextOfTls(folder_.path() / "error") +
                               TextOfTls(folder_.path() / "output"));
  }
  ~Nginx() {
    child_->Signal(SIGTERM);
    child_->Wait(10s);
  }
  std::string Url() const { return fmt::format("https://127.0.0.1:{}", port_); }

 private:
  int port_;
  test::ScratchFolder folder_;
  std::optional<sync::Child> child_;
};

/// The status of a delivery posted by curl with these options: of an empty object, when they name no body.
std::string Posted(const std::string& url, std::vector<std::string> options) {
  const test::ScratchFolder folder;
  if (std::find(options.begin(), options.end(), "--data-binary") == options.end())
    options.insert(options.begin(), {"--data-binary", "{}"});
  options.insert(options.begin(), {"/usr/bin/curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"});
  options.push_back(url);
  return Output(options, folder.path());
}

}  // namespace

TEST_CASE("a delivery through nginx with TLS is accepted", "[e2e][tls]") {
  const Certificates certificates;
  World world{SeedOfRun()};
  test::Bridge bridge{world.Options()};
  bridge.Start();
  const Nginx nginx{"membridge.conf", certificates, bridge};
  const std::string url = world.Subscribe(bridge, nginx.Url());
  const std::string direct = bridge.Url() + url.substr(nginx.Url().size());
  REQUIRE(test::WaitUntil([&] { return test::HttpClient{}.Post(direct, "").status == 400; }));
  world.Mem0().SetDelivery({{"ca_file", certificates.At("clients.pem")}});
  world.Mem0().Add("ada", "Name is Ada Lovelace. Works at Initech");
  REQUIRE(world.WaitSettled());
  CHECK(world.WrongRows() == std::vector<std::string>{});
  CHECK(world.Database().Count("crm.contacts WHERE name = 'Ada Lovelace'") == 1);
  CHECK(world.Mem0().DeliveryStatistics()["statuses"] == nlohmann::json{{"200", 1}});
  // Nothing but deliveries is let through.
  CHECK(Posted(nginx.Url() + "/metrics", {"--cacert", certificates.At("clients.pem")}) == "404");
  CHECK(Posted(url, {"--cacert", certificates.At("clients.pem")}) == "200");
}

TEST_CASE("nginx as shipped keeps its connections and closes them before the bridge does", "[R1][R2][e2e][tls]") {
  const Certificates certificates;
  World world{SeedOfRun()};
  test::Bridge bridge{world.Options()};
  bridge.Start();
  // As shipped but for the scale of time: nginx keeps a connection for less than the bridge does.
  const Nginx nginx{"membridge.conf", certificates, bridge, {{"keepalive_timeout 60s", "keepalive_timeout 1s"}}};
  const std::string url = world.Subscribe(bridge, nginx.Url());
  const std::string direct = bridge.Url() + url.substr(nginx.Url().size());
  REQUIRE(test::WaitUntil([&] { return test::HttpClient{}.Post(direct, "").status == 400; }));
  const std::vector<std::string> trust{"--cacert", certificates.At("clients.pem")};
  const auto connections = [&] { return bridge.Metric("membridge_http_connections").value(); };
  REQUIRE(test::WaitUntil([&] { return connections() == 0; }));
  CHECK(Posted(url, trust) == "200");
  CHECK(connections() == 1);
  CHECK(Posted(url, trust) == "200");
  CHECK(connections() == 1);  // the same, or one instead of it
  // The bridge would keep it for 150 s.
  CHECK(test::WaitUntil([&] { return connections() == 0; }));
  // Slashes pass as they were sent, and are forgiven.
  CHECK(Posted(nginx.Url() + "/" + url.substr(nginx.Url().size()) + "/", trust) == "200");
  // A refusal at the end of the header reaches the client, however much it is still sending.
  const test::ScratchFolder folder;
  std::ofstream{folder.path() / "large"} << std::string(900'000, ' ') << "{}";
  std::vector<std::string> large = trust;
  large.insert(large.end(), {"--data-binary", "@" + (folder.path() / "large").string()});
  CHECK(Posted(nginx.Url() + "/webhooks/crm/wrong", large) == "401");
  CHECK(Posted(url, large) == "200");
}

TEST_CASE("the shipped proxies keep connections for less time than the bridge", "[R1][e2e][tls]") {
  for (const char* file : {"nginx/membridge.conf", "nginx/membridge-mtls.conf", "caddy/Caddyfile", "caddy/Caddyfile.mtls"}) {
    CAPTURE(file);
    const std::string text = TextOfTls(std::string{MEMBRIDGE_SOURCE "/deploy/"} + file);
    std::smatch found;
    REQUIRE(std::regex_search(text, found, std::regex{"\\n\\s*(?:keepalive|keepalive_timeout) (\\d+)s"}));
    CHECK(std::chrono::seconds{std::stoi(found[1])} < admin::HttpConfig{}.idle);
  }
}

TEST_CASE("where a client certificate is asked for, only deliveries that show one through the proxy are accepted", "[e2e][tls]") {
  const Certificates certificates;
  World world{SeedOfRun()};
  test::BridgeOptions options = world.Options();
  const std::string fingerprint = certificates.Fingerprint("sha1");
  options.webhook = fmt::format(
      "verify: [token, {{client-certificate: {{header: X-Client-Fingerprint, allowed: [\"{}\"], trusted_proxies: "
      "[127.0.0.2]}}}}]",
      fingerprint);
  test::Bridge bridge{options};
  bridge.Start();
  const Nginx asking{"membridge-mtls.conf", certificates, bridge};
  const Nginx plain{"membridge.conf", certificates, bridge};
  world.Mem0().SetDelivery({{"ca_file", certificates.At("clients.pem")},
                            {"client_certificate", certificates.At("client.pem")},
                            {"client_key", certificates.At("client.key")},
                            {"retries", 100},
                            {"retry_delay_ms", 100}});
  const std::string url = world.Subscribe(bridge, asking.Url());
  world.Mem0().Add("ada", "Name is Ada Lovelace");
  REQUIRE(world.WaitSettled());
  CHECK(world.Database().Count("crm.contacts WHERE name = 'Ada Lovelace'") == 1);

  const std::string path = url.substr(asking.Url().size());
  const std::vector<std::string> trust{"--cacert", certificates.At("clients.pem")};
  std::vector<std::string> with = trust;
  with.insert(with.end(), {"--cert", certificates.At("client.pem"), "--key", certificates.At("client.key")});
  CHECK(Posted(url, with) == "200");
  CHECK(Posted(url, trust) == "400");
  const std::vector<std::string> claimed{"--header", "X-Client-Fingerprint: " + fingerprint};
  std::vector<std::string> forged = trust;
  forged.insert(forged.end(), claimed.begin(), claimed.end());
  CHECK(Posted(url, forged) == "400");
  CHECK(Posted(plain.Url() + path, forged) == "401");    // a proxy that asks for none drops the claim
  CHECK(Posted(bridge.Url() + path, claimed) == "401");  // and an address that is no proxy is not believed
  CHECK(world.Database().Count("membridge.deliveries") == 2);
}

TEST_CASE("the examples for Caddy are valid", "[e2e][tls]") {
  const Certificates certificates;
  const test::ScratchFolder folder;
  for (const std::string name : {"Caddyfile", "Caddyfile.mtls"}) {
    CAPTURE(name);
    std::string text = TextOfTls(MEMBRIDGE_SOURCE "/deploy/caddy/" + name);
    if (name == "Caddyfile.mtls") text = Replaced(text, "/etc/ssl/membridge/", certificates.Folder());
    std::ofstream{folder.path() / name} << text;
    const std::string said = Output({"/usr/bin/env", "HOME=" + folder.path().string(), "/usr/bin/caddy", "validate", "--adapter",
                                     "caddyfile", "--config", folder.path() / name},
                                    folder.path());
    CHECK(said.find("Valid configuration") != std::string::npos);
  }
}

}  // namespace membridge::e2e
