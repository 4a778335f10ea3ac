#include "admin/config/config.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iterator>

#include "admin/commands/command.hpp"
#include "admin/config/shown_config.hpp"

namespace membridge::admin {
namespace {

constexpr const char* kExample =
    R"(# membridge.yaml: paths count from this file's folder; ${VAR} is the only substitution, and an unset variable is an error.
listen: 127.0.0.1:8080                      # where Mem0's deliveries arrive; a proxy with TLS stands in front
admin:
  listen: 127.0.0.1:8081                    # the page, the API, /healthz, /readyz and /metrics
  tokens:                                   # roles: viewer, operator, admin; at least 16 characters
    - {name: ops, role: admin, token: "${MEMBRIDGE_ADMIN_TOKEN}"}
database: embedded                          # a private PostgreSQL below state_dir, or postgresql://user@host/database
state_dir: ./membridge-data
projects:
  crm:                                      # your name for it: it appears in URLs, tables and metrics
    api_key: ${MEM0_API_KEY}                # or api_key_file: /run/secrets/mem0-key
    base_url: https://api.mem0.ai
    webhook:
      public_url: https://bridge.example.com   # Mem0 posts to {public_url}/webhooks/crm/{token}
      manage: true                          # serve registers the webhook and keeps it as written here
  # own:                                    # a Mem0 of your own, in place of api_key: its table is read
  #   source: {postgres: "${MEM0_DATABASE_URL}", table: public.memories}
targets:
  default: {database: state}                # the state database, or a postgresql://… of its own
mappings: []                                # - mappings/people.yaml
backfill:                                   # what deliveries did not bring is found and repaired
  - {name: sweep, project: crm, sweep: incremental, schedule: "*/15 * * * *"}
  - {name: full-sweep, project: crm, sweep: full, schedule: "30 4 * * 0"}
retention: {deliveries: 30d, parked: 90d}
)";

int ShowConfig(const CommonOptions& options, Console& console) {
  const auto config = ConfigOrProblems(options.config, console);
  if (!config) return kBadUsage;
  const nlohmann::ordered_json shown = ShownConfig(*config);
  if (options.json) {
    fmt::print(console.out, "{}\n", shown.dump(2));
    return kDone;
  }
  std::ifstream stream{config->file};
  const std::string text{std::istreambuf_iterator<char>{stream}, {}};
  mappings::Diagnostics problems;
  const auto written = mappings::YamlSource::Parse(config->file, text, problems);
  fmt::print(console.out, "# {}\n{}", config->file, AsYaml(shown, written ? written->Root() : mappings::YamlNode{}));
  return kDone;
}

}  // namespace

void AddConfig(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("config", "The configuration: what counts of it, and an example");
  group->require_subcommand(1);
  CLI::App* show = group->add_subcommand(
      "show", "The configuration as it counts, with defaults filled in, secrets masked, and where each value comes from");
  const auto options = AddConfigAndJsonOptions(*show);
  show->callback([options, &choice] { choice = [options](Console& console) { return ShowConfig(*options, console); }; });
  group->add_subcommand("example", "A configuration to start from, with every section explained")->callback([&choice] {
    choice = [](Console& console) {
      fmt::print(console.out, "{}", kExample);
      return kDone;
    };
  });
}

}  // namespace membridge::admin
