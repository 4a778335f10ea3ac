#include "tests/support/bridge.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <condition_variable>
#include <fstream>
#include <iterator>
#include <mutex>
#include <stdexcept>

#include "sync/embedded/child_process.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string TextOf(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

sync::Child StartOrThrow(const sync::ChildOptions& options) {
  auto child = sync::Child::Start(options);
  if (!child) throw std::runtime_error(child.error().message);
  return std::move(*child);
}

/// As a shell tells it: the exit status, or 128 and the signal.
int StatusOf(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

}  // namespace

bool WaitUntil(const std::function<bool()>& condition, std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  std::mutex mutex;
  std::condition_variable never;
  for (;;) {
    if (condition()) return true;
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) return false;
    std::unique_lock lock{mutex};
    never.wait_until(lock, std::min(end, now + 20ms));
  }
}

ScratchFolder::ScratchFolder() {
  std::string name = fs::temp_directory_path() / "membridge-e2e-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder in " + fs::temp_directory_path().string());
  path_ = name;
  // An embedded PostgreSQL runs as another user when we are root and must be able to enter.
  fs::permissions(path_, fs::perms::others_exec | fs::perms::group_exec, fs::perm_options::add);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

struct Bridge::Process {
  sync::Child child;
};

Bridge::Bridge(BridgeOptions options) : options_(std::move(options)) {
  const int port = FreePort();
  const int admin_port = FreePort();
  url_ = fmt::format("http://127.0.0.1:{}", port);
  admin_url_ = fmt::format("http://127.0.0.1:{}", admin_port);
  config_file_ = folder_.path() / "membridge.yaml";
  std::ofstream config{config_file_};
  config << fmt::format("listen: 127.0.0.1:{}\nadmin:\n  listen: 127.0.0.1:{}\n", port, admin_port);
  if (!options_.admin_tokens.empty()) config << "  tokens: " << options_.admin_tokens << "\n";
  config << options_.admin;
  const std::string database = "\"" + options_.database + "\"";
  config << fmt::format("database: {}\nstate_dir: state\nsoft_stop: {}\nsync: {}\n",
                        options_.pooled ? "{url: " + database + ", pooled: true}" : database, options_.soft_stop, options_.sync);
  config << fmt::format("projects:\n  crm:\n    api_key: {}\n    base_url: {}\n", options_.api_key, options_.mem0_url);
  config << fmt::format("    webhook: {{public_url: \"{}\", manage: {}{}{}}}\n",
                        options_.public_url.empty() ? url_ : options_.public_url, options_.manage,
                        options_.webhook.empty() ? "" : ", ", options_.webhook);
  if (!options_.project.empty()) config << "    " << options_.project << "\n";
  config << options_.more_projects;
  if (!options_.targets.empty()) config << "targets: " << options_.targets << "\n";
  if (!options_.feeds.empty()) config << "feeds: " << options_.feeds << "\n";
  const std::string& only_project = options_.mapping_project;
  config << fmt::format("mappings:\n  - {{file: \"{}\"{}}}\n", options_.mapping,
                        only_project.empty() ? "" : ", project: " + only_project);
  config << options_.own_mappings;
  for (const std::string& mapping : options_.more_mappings) config << fmt::format("  - {{file: \"{}\"}}\n", mapping);
  if (!options_.backfill.empty()) config << "backfill: " << options_.backfill << "\n";
}

Bridge::~Bridge() = default;

void Bridge::Launch() {
  sync::ChildOptions options;
  options.command = {options_.program.empty() ? MEMBRIDGE_PROGRAM : options_.program};
  options.command.insert(options.command.end(), options_.command.begin(), options_.command.end());
  options.command.insert(options.command.end(), {"--config", config_file_.string()});
  if (!options_.only.empty()) options.command.insert(options.command.end(), {"--only", options_.only});
  options.output = folder_.path() / "log";
  options.death_signal = SIGKILL;
  process_ = std::make_unique<Process>(Process{StartOrThrow(options)});
}

void Bridge::Start() {
  Launch();
  if (!WaitReady()) throw std::runtime_error("the bridge did not become ready:\n" + Log());
}

bool Bridge::WaitReady(std::chrono::milliseconds deadline) {
  HttpClient client;
  return WaitUntil([&] { return !Running() || client.Get(admin_url_ + "/readyz").status == 200; }, deadline) && Running();
}

void Bridge::Kill() {
  if (!process_) return;
  process_->child.Signal(SIGKILL);
  process_->child.Wait(10s);
  process_.reset();
}

std::optional<int> Bridge::Terminate(std::chrono::milliseconds patience) {
  if (!process_) return std::nullopt;
  process_->child.Signal(SIGTERM);
  const auto status = process_->child.Wait(patience);
  process_.reset();  // kills what still runs
  if (!status) return std::nullopt;
  return StatusOf(*status);
}

bool Bridge::Running() {
  return process_ && !process_->child.Wait(0ms);
}

void Bridge::Hup() {
  process_->child.Signal(SIGHUP);
}

std::size_t Bridge::OpenFiles() const {
  const fs::directory_iterator open{fmt::format("/proc/{}/fd", process_->child.Pid())};
  return static_cast<std::size_t>(std::distance(begin(open), end(open)));
}

std::string Bridge::Log() const {
  return TextOf(folder_.path() / "log");
}

std::optional<double> Bridge::Metric(const std::string& name_and_labels) const {
  const std::string text = "\n" + HttpClient{}.Get(admin_url_ + "/metrics").body;
  const std::size_t at = text.find("\n" + name_and_labels + " ");
  if (at == std::string::npos) return std::nullopt;
  return std::stod(text.substr(at + name_and_labels.size() + 2));
}

CommandOutcome RunMembridge(const std::vector<std::string>& arguments, const std::string& program) {
  const ScratchFolder folder;
  sync::ChildOptions options;
  // A shell parts output from errors; arguments reach it as parameters, not as text.
  options.command = {"/bin/sh",
                     "-c",
                     "out=$1; err=$2; shift 2; exec \"$@\" >\"$out\" 2>\"$err\"",
                     "sh",
                     folder.path() / "out",
                     folder.path() / "err",
                     program.empty() ? MEMBRIDGE_PROGRAM : program};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  sync::Child child = StartOrThrow(options);
  const auto status = child.Wait(60s);
  CommandOutcome outcome;
  outcome.status = status ? StatusOf(*status) : -1;
  outcome.out = TextOf(folder.path() / "out");
  outcome.err = TextOf(folder.path() / "err");
  return outcome;
}

}  // namespace membridge::test
