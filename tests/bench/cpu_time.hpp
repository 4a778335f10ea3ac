#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "sync/postgres/session.hpp"

namespace membridge::bench {

/// Processor time, in seconds: this process's, and that of every process of a PostgreSQL on the same machine that is connected or
/// works in the background.
struct CpuTime {
  double ours = 0;
  double servers = 0;  ///< filled in by Since()
  std::map<std::string, double> by_process;

  static CpuTime Now(sync::postgres::Session& session) {
    CpuTime time;
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& value) {
      return static_cast<double>(value.tv_sec) + static_cast<double>(value.tv_usec) / 1e6;
    };
    time.ours = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    const sync::postgres::Rows pids = session.Run("SELECT pid FROM pg_catalog.pg_stat_activity");
    for (std::size_t row = 0; row < pids.size(); ++row) {
      const std::string pid{pids.Text(row, 0)};
      time.by_process[pid] = OfProcess(pid);
    }
    return time;
  }

  /// What was used since then. A process that ended meanwhile is missing.
  CpuTime Since(const CpuTime& before) const {
    CpuTime used{ours - before.ours, 0, {}};
    for (const auto& [pid, time] : by_process) {
      const auto was = before.by_process.find(pid);
      used.servers += time - (was == before.by_process.end() ? 0 : was->second);
    }
    return used;
  }

 private:
  static double OfProcess(const std::string& pid) {
    std::ifstream file{"/proc/" + pid + "/stat"};
    std::string stat{std::istreambuf_iterator<char>{file}, {}};
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos) return 0;
    std::istringstream fields{stat.substr(name_end + 2)};
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0, system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
};

}  // namespace membridge::bench
