#include <curl/curl.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/mem0_sim/api.hpp"
#include "tests/mem0_sim/server.hpp"

namespace membridge::mem0_sim {
namespace {

struct Options {
  std::string listen = "127.0.0.1:0";
  std::string port_file;
  std::uint64_t seed = 1;
  Account account;
};

/// Whole or not there: a reader that finds the file finds the number.
void WritePortFile(const std::string& file, std::uint16_t port) {
  const std::string unfinished = file + ".new";
  std::ofstream{unfinished} << port << '\n';
  std::filesystem::rename(unfinished, file);
}

int Run(const Options& options) {
  const auto colon = options.listen.rfind(':');
  if (colon == std::string::npos) throw std::invalid_argument("--listen takes ADDRESS:PORT");
  const std::string address = options.listen.substr(0, colon);
  Server server(address, static_cast<std::uint16_t>(std::stoul(options.listen.substr(colon + 1))));
  Project project(options.account, options.seed,
                  [&](std::chrono::milliseconds after, std::function<void()> work) { server.Later(after, std::move(work)); });
  Api api(project);
  fmt::print("mem0-sim listening on http://{}:{}\n", address, server.Port());
  std::fflush(stdout);
  if (!options.port_file.empty()) WritePortFile(options.port_file, server.Port());
  server.Run([&](const Request& request) { return api.Serve(request); });
  return 0;
}

}  // namespace
}  // namespace membridge::mem0_sim

int main(int argc, char* argv[]) {
  membridge::mem0_sim::Options options;
  CLI::App app{"A local stand-in for the Mem0 platform API, with faults on demand.", "mem0-sim"};
  app.add_option("--listen", options.listen, "ADDRESS:PORT; port 0 takes a free one")->capture_default_str();
  app.add_option("--api-key", options.account.api_key, "the key callers must show")->capture_default_str();
  app.add_option("--project-id", options.account.project_id, "Mem0's id of the project")->capture_default_str();
  app.add_option("--project-name", options.account.project_name, "the name webhooks show instead of the id")
      ->capture_default_str();
  app.add_option("--org-id", options.account.org_id, "Mem0's id of the organization")->capture_default_str();
  app.add_option("--user-email", options.account.user_email, "what ping calls the user")->capture_default_str();
  app.add_option("--port-file", options.port_file, "written with the port once listening");
  app.add_option("--seed", options.seed, "of everything random")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  try {
    return membridge::mem0_sim::Run(options);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "mem0-sim: {}\n", failure.what());
    return 1;
  }
}
