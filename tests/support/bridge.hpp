#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace membridge::test {

/// Asks `condition` again and again until it holds. False when `deadline` is over; what it was waiting for is then the test's to
/// tell.
bool WaitUntil(const std::function<bool()>& condition, std::chrono::milliseconds deadline = std::chrono::seconds{30});

/// A folder of one's own under /tmp, gone with the object.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// What a bridge under test is configured with.
struct BridgeOptions {
  std::string database;  ///< as in the configuration: a DSN, or `embedded`
  bool pooled = false;   ///< a pooler in transaction mode stands in between, and is declared
  std::string mem0_url;  ///< where the local Mem0 answers
  std::string mapping;   ///< path of the one mapping file
  std::string api_key = "m0-test";
  std::string sync = "{workers: 2, batch: 200, read_lag: 300ms, lease: 20s, poll: 200ms}";
  std::string soft_stop = "10s";
  bool manage = true;      ///< registers its webhook at the local Mem0
  std::string public_url;  ///< empty: its own address
  std::vector<std::string> more_mappings{};
  std::string admin_tokens;  ///< as YAML writes a list: "[{name: ops, role: admin, token: …}]"; empty: none
  std::string admin{};       ///< more lines of `admin:`, indented as it is: "  save_mappings: true\n"
  std::string backfill;      ///< as YAML writes a list; empty: none
  std::string webhook;       ///< more of the webhook's options, as YAML between braces: `overlap: 1h, verify: [token]`
  std::string feeds{};       ///< as YAML writes a list; empty: none
  std::string targets;       ///< as YAML writes a map: "{default: {database: …}}"; empty: the state database
  std::vector<std::string> command{"serve"};
  std::string project;            ///< more of the project's: `canary: {every: 1s}`
  std::string more_projects{};    ///< further projects, as YAML writes them below `projects:`
  std::string own_mappings{};     ///< further mappings, as YAML writes a list
  std::string mapping_project{};  ///< the one project of `mapping`; empty: every project
  std::string only{};             ///< roles with commas, for `--only`; empty: all of them
  std::string program{};          ///< another membridge than the one that was just built
};

/// A running `membridge serve` of its own: free ports, configuration and log in a folder that goes with it. It is ended by its
/// process id only. Threads: one.
class Bridge {
 public:
  explicit Bridge(BridgeOptions options);
  ~Bridge();  ///< kills what still runs
  Bridge(const Bridge&) = delete;
  Bridge& operator=(const Bridge&) = delete;

  /// Starts it without waiting.
  void Launch();
  /// Launch(), then waits until /readyz says 200; throws std::runtime_error with its log when it does not within half a minute.
  void Start();
  bool WaitReady(std::chrono::milliseconds deadline = std::chrono::seconds{30});

  /// SIGKILL, then waits for its end.
  void Kill();
  /// SIGTERM; its exit status, or nothing when it had to be killed after `patience`.
  std::optional<int> Terminate(std::chrono::milliseconds patience = std::chrono::seconds{20});
  bool Running();
  /// SIGHUP: it loads its mappings again.
  void Hup();

  const std::string& Url() const { return url_; }             ///< of the receiver
  const std::string& AdminUrl() const { return admin_url_; }  ///< of /healthz, /readyz and /metrics
  const std::filesystem::path& ConfigFile() const { return config_file_; }
  const std::filesystem::path& Folder() const { return folder_.path(); }
  /// How many descriptors it holds at this moment. It must run.
  std::size_t OpenFiles() const;
  /// Everything it has written, over all its starts.
  std::string Log() const;
  /// The value of a metric without labels, or with exactly this label text; nothing when it is not there.
  std::optional<double> Metric(const std::string& name_and_labels) const;

 private:
  struct Process;
  BridgeOptions options_;
  ScratchFolder folder_;
  std::filesystem::path config_file_;
  std::string url_;
  std::string admin_url_;
  std::unique_ptr<Process> process_;
};

/// Runs `membridge` with these arguments to its end; `program`: another one than the one that was just built.
struct CommandOutcome {
  int status = -1;
  std::string out;
  std::string err;
};
CommandOutcome RunMembridge(const std::vector<std::string>& arguments, const std::string& program = {});

}  // namespace membridge::test
